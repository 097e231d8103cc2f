/* Passphrases from descriptors, files and a real (pseudo) terminal. */
#include "testing.h"

#include "keys/passphrase.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int pipe_with(const char *text, size_t size)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, size), size);
	(void)close(ends[1]);
	return ends[0];
}

static void expect(struct passphrase *p, const char *want)
{
	assert_int_equal(p->size, strlen(want));
	assert_memory_equal(p->bytes, want, p->size);
	passphrase_free(p);
	assert_null(p->bytes);
}

static void a_descriptor_gives_line_after_line(void **state)
{
	(void)state;
	const char text[] = "correct horse\nbattery staple\r\n \tspaces stay \n\nlast";
	int fd = pipe_with(text, sizeof(text) - 1);
	struct passphrase p;
	OK(passphrase_from_fd(&p, fd));
	expect(&p, "correct horse");
	OK(passphrase_from_fd(&p, fd));
	expect(&p, "battery staple");
	OK(passphrase_from_fd(&p, fd));
	expect(&p, " \tspaces stay ");
	FAILS(AMT_INVALID_ARGUMENT, passphrase_from_fd(&p, fd));
	OK(passphrase_from_fd(&p, fd));
	expect(&p, "last");
	FAILS(AMT_INVALID_ARGUMENT, passphrase_from_fd(&p, fd));
	(void)close(fd);
	FAILS(AMT_IO, passphrase_from_fd(&p, fd));
}

static void lengths_are_bounded(void **state)
{
	(void)state;
	char text[1100];
	memset(text, 'x', sizeof(text));
	for (size_t size = 1020; size < 1030; size++) {
		for (unsigned end = 0; end < 3; end++) { /* nothing, \n, \r\n */
			char line[1100];
			memcpy(line, text, size);
			memcpy(line + size, end == 1 ? "\n" : "\r\n", end);
			int fd = pipe_with(line, size + end);
			struct passphrase p;
			if (size <= PASSPHRASE_BYTES_MAX) {
				OK(passphrase_from_fd(&p, fd));
				assert_int_equal(p.size, size);
				passphrase_free(&p);
			} else {
				FAILS(AMT_LIMIT, passphrase_from_fd(&p, fd));
			}
			(void)close(fd);
		}
	}
}

static void a_file_and_a_source_string(void **state)
{
	(void)state;
	struct io *io;
	OK(io_posix_new(&io));
	char path[] = "/tmp/amaters-passphrase-XXXXXX", source[64];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "from a file\nsecond line\n", 24), 24);
	struct passphrase p;
	OK(passphrase_from_file(&p, io, path));
	expect(&p, "from a file");
	(void)snprintf(source, sizeof(source), "file:%s", path);
	OK(passphrase_get(&p, io, source, "", false));
	expect(&p, "from a file");
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	(void)snprintf(source, sizeof(source), "fd:%d", fd);
	OK(passphrase_get(&p, io, source, "", false));
	expect(&p, "from a file");
	(void)close(fd);
	(void)unlink(path);
	FAILS(AMT_NOT_FOUND, passphrase_from_file(&p, io, path));
	const char *const bad[] = {
		"", "fd:", "fd:-1", "fd:3x", "fd:99999999999", "env:X", "hunter2"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		FAILS(AMT_INVALID_ARGUMENT, passphrase_get(&p, io, bad[i], "", false));
	io_free(io);
}

/* What the child reports: the code, then the passphrase. */
struct told {
	uint32_t code;
	uint32_t size;
	char bytes[32];
};

/* Types `keys` at a new terminal where a child asks; *screen gets all the terminal showed. The
 * child uses the controlling terminal, as a program would. */
static struct told type_at_terminal(const char *keys, bool confirm, char *screen, size_t room)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), report[2];
	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	assert_int_equal(pipe(report), 0);
	char name[64];
	assert_int_equal(ptsname_r(master, name, sizeof(name)), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)setsid();
		int tty = open(name, O_RDWR);
		if (tty < 0 || ioctl(tty, TIOCSCTTY, 0) != 0)
			_exit(1);
		(void)close(master);
		struct termios before = {0}, after = {0};
		(void)tcgetattr(tty, &before);
		struct passphrase p = {0};
		amt_status st = passphrase_ask(&p, "Secret: ", confirm);
		struct told told = {.code = amt_status_code(st), .size = (uint32_t)p.size};
		memcpy(told.bytes, p.bytes == NULL ? (uint8_t *)"" : p.bytes,
			p.size < 32 ? p.size : 0);
		(void)tcgetattr(tty, &after);
		if (memcmp(&before, &after, sizeof(before)) != 0)
			_exit(2);
		_exit(write(report[1], &told, sizeof(told)) == sizeof(told) ? 0 : 3);
	}
	(void)close(report[1]);
	/* Type each line when its prompt is there: the switch to silence drops earlier input. */
	size_t got = 0, colons = 0, prompts = 0;
	while (got < room - 1) {
		ssize_t some = read(master, screen + got, 1);
		if (some <= 0)
			break;
		colons += screen[got] == ':';
		got++;
		if (colons > prompts && screen[got - 1] == ' ') {
			prompts = colons;
			size_t line = strcspn(keys, "\n\x03\x04");
			line += keys[line] != 0;
			assert_int_equal(write(master, keys, line), line);
			keys += line;
		}
	}
	screen[got] = 0;
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	struct told told = {0};
	assert_int_equal(read(report[0], &told, sizeof(told)), sizeof(told));
	(void)close(master);
	(void)close(report[0]);
	return told;
}

static void a_terminal_shows_nothing(void **state)
{
	(void)state;
	const struct {
		const char *keys;
		bool confirm;
		amt_code code;
		const char *passphrase;
	} cases[] = {
		{"opensesame\n", false, AMT_OK, "opensesame"},
		{"wrong\x7f\x7f\x7f\x7f\x7fright\n", false, AMT_OK, "right"},
		{"all wrong\x15good\n", false, AMT_OK, "good"},
		{"g\xc3\xbc\x08\x08\x08x\n", false, AMT_OK, "x"},
		{"opensesame\nopensesame\n", true, AMT_OK, "opensesame"},
		{"opensesame\nopensesama\n", true, AMT_INVALID_ARGUMENT, ""},
		{"opensesame\nopen\n", true, AMT_INVALID_ARGUMENT, ""},
		{"opensesame\x03", false, AMT_CANCELLED, ""},
		{"\x04", false, AMT_CANCELLED, ""},
		{"opensesame\n\x03", true, AMT_CANCELLED, ""},
		{"\n", false, AMT_INVALID_ARGUMENT, ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char screen[256];
		struct told told =
			type_at_terminal(cases[i].keys, cases[i].confirm, screen, sizeof(screen));
		assert_int_equal(told.code, cases[i].code);
		assert_int_equal(told.size, strlen(cases[i].passphrase));
		assert_memory_equal(told.bytes, cases[i].passphrase, told.size);
		assert_string_equal(screen,
			cases[i].confirm ? "Secret: \r\nThe same again: \r\n" : "Secret: \r\n");
	}
}

static void without_a_terminal_it_says_so(void **state)
{
	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)setsid();
		struct passphrase p;
		amt_status st = passphrase_ask(&p, "Secret: ", false);
		_exit(amt_status_code(st) == AMT_UNAVAILABLE && amt_status_hint(st) != NULL ? 0
											    : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	int fd = pipe_with("x\n", 2);
	struct passphrase p;
	FAILS(AMT_UNAVAILABLE, passphrase_ask_at(&p, fd, "Secret: ", false));
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_gives_line_after_line),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(a_file_and_a_source_string),
		cmocka_unit_test(a_terminal_shows_nothing),
		cmocka_unit_test(without_a_terminal_it_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
