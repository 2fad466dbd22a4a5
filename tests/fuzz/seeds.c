/* Gives libFuzzer the texts that a search starts from: they are written into
 * the corpus, the last of its arguments, before it reads that. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *corpus = *argc > 1 ? (*argv)[*argc - 1] : "-";
	char path[500];
	for (int i = 0; fuzz_seeds[i] && *corpus != '-'; i++) {
		snprintf(path, sizeof path, "%s/seed-%d", corpus, i);
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0)
			break; /* one file to replay, no corpus */
		(void)!write(fd, fuzz_seeds[i], strlen(fuzz_seeds[i]));
		close(fd);
	}
	return 0;
}
