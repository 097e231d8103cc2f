#include "cli.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

void interrupts_catch(void)
{
	/* Once: a second interrupt ends the program at once. */
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
	(void)sigaction(SIGINT, &action, NULL);
}

static double seconds(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void progress_start(struct progress *p, bool quiet)
{
	*p = (struct progress){.terminal = isatty(STDERR_FILENO) == 1, .quiet = quiet};
}

static void draw_bar(struct progress *p, const char *what, double part, double elapsed)
{
	enum { WIDTH = 32 };
	int filled = (int)(part * WIDTH);
	char bar[WIDTH + 1];
	memset(bar, '.', WIDTH);
	memset(bar, '#', (size_t)filled);
	bar[WIDTH] = '\0';
	fprintf(stderr, "\r\033[K%-24s [%s] %3.0f %%", what, bar, part * 100);
	if (part > 0.02 && elapsed > 1)
		fprintf(stderr, "  %.0f s left", elapsed / part - elapsed);
	p->drawn = true;
}

bool progress_report(void *context, const char *what, uint64_t done, uint64_t total)
{
	struct progress *p = context;
	double now = seconds();
	if (strcmp(p->what, what) != 0) {
		(void)snprintf(p->what, sizeof(p->what), "%s", what);
		p->started = now;
		p->shown = p->terminal ? 0 : now;
	}
	double part = total > 0 ? (double)(done < total ? done : total) / (double)total : 0;
	if (!p->quiet && now - p->shown >= (p->terminal ? 0.1 : 10)) {
		p->shown = now;
		if (p->terminal)
			draw_bar(p, what, part, now - p->started);
		else if (total > 0)
			fprintf(stderr, "%s: %.0f %%\n", what, part * 100);
	}
	return !interrupted;
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
	p->what[0] = '\0';
}
