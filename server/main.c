/* amatersd: keeps a database folder and computes on what it cannot read. */
#include "convert.h"

#include <amaters/host.h>
#include <amaters/version.h>

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"usage: amatersd --stdio --db DIR [--threads N] [--key-cache DIR] [--verbose]\n\n"
	"       amatersd --convert LIST --to FILE --evaluation-key FILE [--rotation-key FILE]\n"
	"                [--compress] [--key-cache DIR] [--threads N]\n\n"
	"Serves one owner on stdin and stdout, until it says goodbye or stdin ends.\n\n"
	"  --stdio      speak the protocol on stdin and stdout\n"
	"  --db DIR     the database folder; made if it is not there\n"
	"  --threads N  threads for computing (default: one for each core)\n"
	"  --key-cache DIR  keep the expanded evaluation key there, shared by all hosts of the machine\n"
	"  --convert LIST   without an owner: take in what a writer encrypted with a public key, or read\n"
	"                   encrypted integers, and write them --to a file\n"
	"  --evaluation-key FILE, --rotation-key FILE\n"
	"                   the key to compute with, and one from the old key that LIST is of\n"
	"  --compress       write in few bytes\n"
	"  --verbose    say on stderr what happens\n"
	"  --version    the version and the kernels chosen on this machine\n"
	"  --help       this text\n\n"
	"Exit status: 0 done; 1 an error; 2 wrong use; 3 something is damaged; 4 a wrong key;\n"
	"5 the folder is in use.\n";

static void log_line(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "amatersd: %s\n", line);
}

static int usage_error(const char *what)
{
	fprintf(stderr, "amatersd: %s\n\n%s", what, help);
	return 2;
}

static int exit_status(amt_code code)
{
	switch (code) {
	case AMT_OK:
		return 0;
	case AMT_CORRUPTION:
	case AMT_TRUNCATED:
	case AMT_INTEGRITY:
		return 3;
	case AMT_WRONG_KEY:
	case AMT_FOREIGN_PARAMETERS:
		return 4;
	case AMT_LOCKED:
		return 5;
	default:
		return 1;
	}
}

static int serve(const amt_host_options *options)
{
	amt_status s = amt_host_serve(options, STDIN_FILENO, STDOUT_FILENO);
	int status = exit_status(amt_status_code(s));
	if (!amt_ok(s)) {
		char text[4096];
		(void)amt_status_format(s, text, sizeof(text));
		fprintf(stderr, "amatersd: %s\n", text);
		amt_status_clear(&s);
	}
	return status;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {{"stdio", no_argument, NULL, 's'},
		{"db", required_argument, NULL, 'd'}, {"threads", required_argument, NULL, 't'},
		{"convert", required_argument, NULL, 'c'}, {"to", required_argument, NULL, 'o'},
		{"evaluation-key", required_argument, NULL, 'e'},
		{"rotation-key", required_argument, NULL, 'r'},
		{"compress", no_argument, NULL, 'z'}, {"key-cache", required_argument, NULL, 'k'},
		{"verbose", no_argument, NULL, 'v'}, {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'}, {0}};
	amt_host_options options = {0};
	struct conversion conversion = {0};
	bool stdio = false;
	int letter;
	while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
		char *end = NULL;
		long threads = 0;
		switch (letter) {
		case 's':
			stdio = true;
			break;
		case 'd':
			options.database = optarg;
			break;
		case 't':
			threads = strtol(optarg, &end, 10);
			if (*end != '\0' || threads < 0 || threads > 1024)
				return usage_error("--threads is a number from 0 to 1024");
			options.threads = (unsigned)threads;
			break;
		case 'c':
			conversion.from = optarg;
			break;
		case 'o':
			conversion.to = optarg;
			break;
		case 'e':
			conversion.evaluation_key = optarg;
			break;
		case 'r':
			conversion.rotation_key = optarg;
			break;
		case 'z':
			conversion.compress = true;
			break;
		case 'k':
			options.key_cache = optarg;
			break;
		case 'v':
			options.log = log_line;
			break;
		case 'V':
			printf("amatersd %s (kernels: %s)\n", amt_version(), amt_version_isa());
			return 0;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			fputs(help, stderr);
			return 2;
		}
	}
	if (optind == argc && conversion.from != NULL && conversion.to != NULL &&
		conversion.evaluation_key != NULL && !stdio) {
		conversion.key_cache = options.key_cache;
		conversion.threads = options.threads;
		return exit_status(convert_list(&conversion));
	}
	if (optind < argc || !stdio || options.database == NULL)
		return usage_error(optind < argc ? "no arguments besides options"
						 : "--stdio and --db are needed");
	(void)signal(SIGPIPE, SIG_IGN); /* an owner that is gone is an error, not the end */
	return serve(&options);
}
