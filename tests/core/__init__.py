"""What stands under everything else: findings, files, words of a shell."""
