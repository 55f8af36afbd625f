"""What every room uses: findings, rows and their coverage, words of a shell, files."""
