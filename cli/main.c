#include "cli.h"

#include <locale.h>
#include <signal.h>
#include <string.h>

static void help(FILE *out)
{
	fputs("usage: amaters <command> [options] [arguments]\n\n"
	      "An encrypted database: the host that keeps it can compute on it and read nothing.\n\n"
	      "commands (amaters <command> --help tells more):\n",
		out);
	for (unsigned i = 0; i < command_count; i++)
		fprintf(out, "  %-14s  %s\n", command_table[i].name, command_table[i].summary);
	fputs("\nexample:\n"
	      "  amaters keygen --key owner.key\n"
	      "  amaters create --key owner.key --db patients.db 'CREATE TABLE p (age u8 NOT NULL)'\n"
	      "  amaters import --key owner.key --db patients.db p patients.csv\n"
	      "  amaters query  --key owner.key --db patients.db 'SELECT avg(age) FROM p WHERE age > 60'\n"
	      "\n"
	      "Data goes to stdout, everything else to stderr. Exit status: 0 done; 1 an error; 2 wrong\n"
	      "use; 3 something stored or answered is damaged or not authentic; 4 wrong key or\n"
	      "passphrase; 5 the host cannot be reached or the database is in use; 130 interrupted.\n",
		out);
}

int main(int argc, char **argv)
{
	(void)setlocale(LC_CTYPE, "");
	(void)signal(SIGPIPE, SIG_IGN); /* a host that is gone is an error, not the end */
	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	const char *name = argv[1];
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		help(stdout);
		return EXIT_DONE;
	}
	if (strcmp(name, "--version") == 0)
		name = "version";
	for (unsigned i = 0; i < command_count; i++) {
		if (strcmp(name, command_table[i].name) != 0)
			continue;
		struct options options;
		int status = options_parse(&options, i, argc - 1, argv + 1);
		if (status != EXIT_DONE)
			return status < 0 ? EXIT_DONE : status;
		interrupts_catch();
		return command_table[i].run(&options);
	}
	return usage_error("there is no command \"%s\"", name);
}
