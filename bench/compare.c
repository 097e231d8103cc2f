#include "compare.h"

#include "base/alloc.h"
#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void compare_check(amt_status s)
{
	if (amt_ok(s))
		return;
	char text[512];
	(void)amt_status_format(s, text, sizeof(text));
	fprintf(stderr, "bench: %s\n", text);
	exit(1);
}

static void start(struct compare *c, const char *program, unsigned threads)
{
	int down[2], up[2];
	char argument[16], line[64];
	(void)snprintf(argument, sizeof(argument), "%u", threads);
	if (pipe(down) != 0 || pipe(up) != 0)
		compare_check(ERROR_ERRNO(AMT_IO, "pipe"));
	c->peer = fork();
	if (c->peer < 0)
		compare_check(ERROR_ERRNO(AMT_IO, "fork"));
	if (c->peer == 0) {
		(void)dup2(down[0], STDIN_FILENO);
		(void)dup2(up[1], STDOUT_FILENO);
		(void)close(down[0]);
		(void)close(down[1]);
		(void)close(up[0]);
		(void)close(up[1]);
		(void)execl(program, program, argument, (char *)NULL);
		fprintf(stderr, "bench: cannot start %s: %s\n", program, strerror(errno));
		_exit(1);
	}
	(void)close(down[0]);
	(void)close(up[1]);
	c->to = fdopen(down[1], "w");
	c->from = fdopen(up[0], "r");
	if (c->to == NULL || c->from == NULL || fgets(line, sizeof(line), c->from) == NULL)
		compare_check(ERROR(AMT_IO, "%s does not answer", program));
}

void compare_open(struct compare *c, const char *peer, unsigned threads)
{
	*c = (struct compare){.json = json_object()};
	if (peer != NULL)
		start(c, peer, threads);
}

/* False if the peer does not know the metric. */
static bool ask(struct compare *c, const char *metric, struct duration *d)
{
	char line[128], *rest;
	if (c->peer == 0)
		return false;
	if (fprintf(c->to, "%s\n", metric) < 0 || fflush(c->to) != 0 ||
		fgets(line, sizeof(line), c->from) == NULL)
		compare_check(ERROR(AMT_IO, "the peer has ended at %s", metric));
	d->wall = 1e3 * strtod(line, &rest);
	d->cpu = 1e3 * strtod(rest, NULL);
	return d->wall > 0;
}

static double seconds(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static struct duration medians(const struct duration runs[COMPARE_ROUNDS])
{
	double wall[COMPARE_ROUNDS], cpu[COMPARE_ROUNDS];
	for (int i = 0; i < COMPARE_ROUNDS; i++) {
		wall[i] = runs[i].wall;
		cpu[i] = runs[i].cpu;
	}
	qsort(wall, COMPARE_ROUNDS, sizeof(wall[0]), ascending);
	qsort(cpu, COMPARE_ROUNDS, sizeof(cpu[0]), ascending);
	return (struct duration){wall[COMPARE_ROUNDS / 2], cpu[COMPARE_ROUNDS / 2]};
}

struct comparison compare_run(struct compare *c, const char *metric, size_t values,
	void (*body)(void *context), void *context)
{
	struct duration ours[COMPARE_ROUNDS], peer[COMPARE_ROUNDS], unused;
	struct comparison result = {0};
	/* Makes its keys at its first use, and "warm" is no metric. */
	(void)ask(c, strncmp(metric, "kspbs", 5) == 0 ? metric : "warm", &unused);
	for (int i = 0; i < COMPARE_ROUNDS; i++) {
		double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
		body(context);
		ours[i].cpu = 1e3 * (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)values;
		ours[i].wall = 1e3 * (seconds(CLOCK_MONOTONIC) - wall) / (double)values;
		result.both = ask(c, metric, &peer[i]);
	}
	result.ours = medians(ours);
	if (result.both)
		result.peer = medians(peer);
	return result;
}

void compare_put(struct compare *c, const char *metric, double ours, double peer, const char *unit)
{
	json_t *figure = peer > 0 ? json_pack("{s:f,s:f,s:f,s:s}", "ours", ours, "peer", peer,
					    "ratio", peer / ours, "unit", unit)
				  : json_pack("{s:f,s:s}", "ours", ours, "unit", unit);
	if (json_object_set_new(c->json, metric, figure) != 0)
		compare_check(ERROR(AMT_OUT_OF_MEMORY, "jansson"));
}

void compare_close(struct compare *c, const char *program, const char *name)
{
	if (c->peer != 0) {
		(void)fclose(c->to);
		(void)fclose(c->from);
		(void)waitpid(c->peer, NULL, 0);
	}
	const char *slash = strrchr(program, '/');
	struct buf path = {0};
	compare_check(buf_printf(&path, "%.*s%s.json",
		slash == NULL ? 0 : (int)(slash - program) + 1, program, name));
	compare_check(buf_put_u8(&path, 0));
	if (json_dump_file(
		    c->json, (const char *)path.data, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) != 0)
		compare_check(ERROR_ERRNO(AMT_IO, "cannot write %s", path.data));
	buf_free(&path);
	json_decref(c->json);
}
