/*
 * Stands for Kairos' own program. Prints its arguments, its environment and whether a signal is ignored, copies its input,
 * and ends with the status in the last argument, "status=N".
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int count, char **words, char **environment)
{
	for (int i = 0; i < count; i++)
		printf("word: %s\n", words[i]);
	for (; *environment; environment++)
		printf("variable: %s\n", *environment);
	for (int number = 1; number < 32; number++) {
		struct sigaction action;
		if (sigaction(number, 0, &action) == 0 && action.sa_handler == SIG_IGN)
			printf("ignored: %d\n", number);
	}
	char line[256];
	while (fgets(line, sizeof line, stdin))
		printf("input: %s", line);
	fprintf(stderr, "an error\n");
	const char *last = words[count - 1];
	return strncmp(last, "status=", 7) == 0 ? atoi(last + 7) : 0;
}
