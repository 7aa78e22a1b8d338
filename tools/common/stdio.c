// SPDX-License-Identifier: GPL-2.0
/* Standard input, output and error. */
#include <fcntl.h>
#include <unistd.h>

#include "common.h"

void stdio_hold(void)
{
	int fd;

	/* the wrong way round: who uses it gets EBADF, as if it were closed */
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY :
							       O_RDONLY);
}
