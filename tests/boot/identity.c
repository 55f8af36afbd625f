/* The texts that an ATA or ATAPI device identifies itself with, as ata_id of udev asks for them: `model|serial|firmware`. */
#include <fcntl.h>
#include <linux/hdreg.h>
#include <stdio.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
	struct hd_driveid id;
	int device = argc == 2 ? open(argv[1], O_RDONLY | O_NONBLOCK) : -1;

	if (device < 0 || ioctl(device, HDIO_GET_IDENTITY, &id))
		return 1;
	printf("%.40s|%.20s|%.8s\n", id.model, id.serial_no, id.fw_rev);
	return 0;
}
