/* The first process of a guest that is moved. Every turn it changes its memory, writes a block to each disk, reads back all that it ever
 * wrote, and says so: `tick TURN disks DISKS blocks BLOCKS`, or what is wrong. The turn is in every block and page, so that a block or a
 * page of an older turn is a fault. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, BLOCKS = 64, PAGES = 512, MOST = 32, ALL = 8, PAUSE = 20000 };
static uint64_t block[BLOCK / 8] __attribute__((aligned(BLOCK)));
static uint64_t memory[PAGES][BLOCK / 8] __attribute__((aligned(BLOCK)));

static void fill(uint64_t turn, uint64_t disk, uint64_t at)
{
	for (unsigned n = 0; n < BLOCK / 8; n++)
		block[n] = turn * 1000003 + disk * 101 + at * 7 + n;
}

static int wrong(uint64_t turn, uint64_t disk, uint64_t at)
{
	for (unsigned n = 0; n < BLOCK / 8; n++)
		if (block[n] != turn * 1000003 + disk * 101 + at * 7 + n)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	int disks = argc - 1 > MOST ? MOST : argc - 1, file[MOST];

	for (int d = 0; d < disks; d++)
		if ((file[d] = open(argv[d + 1], O_RDWR | O_DIRECT | O_SYNC)) < 0)
			printf("wrong: cannot open %s\n", argv[d + 1]);
	for (uint64_t turn = 1;; turn++) {
		uint64_t at = turn % BLOCKS, first = turn > BLOCKS ? turn - BLOCKS + 1 : 1;

		for (unsigned p = 0; p < PAGES; p++) {
			if (memory[p][1] != (turn > 1 ? turn - 1 : 0))
				printf("wrong: memory page %u has turn %llu in turn %llu\n", p, (unsigned long long)memory[p][1], (unsigned long long)turn);
			memory[p][1] = turn;
		}
		for (int d = 0; d < disks; d++) {
			fill(turn, d, at);
			if (pwrite(file[d], block, BLOCK, at * BLOCK) != BLOCK)
				printf("wrong: %s does not take block %llu\n", argv[d + 1], (unsigned long long)at);
		}
		/* One older block a turn, and every ALL turns all of them. */
		for (int d = 0; d < disks; d++)
			for (uint64_t old = first; old <= turn; old++) {
				if (turn % ALL && old != first + turn % (turn - first + 1))
					continue;
				if (pread(file[d], block, BLOCK, old % BLOCKS * BLOCK) != BLOCK || wrong(old, d, old % BLOCKS))
					printf("wrong: %s has lost the block of turn %llu\n", argv[d + 1], (unsigned long long)old);
			}
		printf("tick %llu disks %d blocks %llu\n", (unsigned long long)turn, disks, (unsigned long long)(turn - first + 1));
		fflush(stdout);
		usleep(PAUSE);
	}
}
