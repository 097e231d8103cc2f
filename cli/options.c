#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *const formats[] = {"table", "csv", "json", NULL};
static const char *const fetches[] = {"all", "padded", "ids", NULL};
static const char *const compares[] = {"tree", "product", NULL};
static const char *const headers[] = {"auto", "yes", "no", NULL};

/* One table makes the parser and the help. */
static const struct option_row {
	const char *name;
	char letter;
	const char *value; /* NULL: a flag */
	const char *help;
	enum { TEXT, FLAG, NUMBER, CHOICE } kind;
	size_t offset; /* in struct options: const char *, bool, int, int */
	const char *const *choices;
} option_table[] = {
#define AT(field) offsetof(struct options, field)
	{"key", 'k', "FILE", "the key file, or the folder of a key store (else $AMATERS_KEY)", TEXT,
		AT(key)},
	{"new-key", 'B', "FILE", "the key to rotate to", TEXT, AT(new_key)},
	{"new-db", 'b', "DIR", "database folder to make", TEXT, AT(new_db)},
	{"rotation-key", 'R', "FILE", "rotate: also write a rotation key", TEXT, AT(rotation_key)},
	{"public-key", 'u', "FILE", "the owner's public key", TEXT, AT(public_key)},
	{"type", 'T', "TYPE", "bool, u8 to u64, i8 to i64", TEXT, AT(type)},
	{"client", 'c', "NAME", "whose key of a key store", TEXT, AT(client)},
	{"key-id", 'i', "START", "the key of a key store whose id begins so", TEXT, AT(key_id)},
	{"expires", 'e', "WHEN", "end of a key's time: a date, 2027-12-31, or days from now, 90d",
		TEXT, AT(expires)},
	{"note", 'N', "TEXT", "why, for the audit trail", TEXT, AT(note)},
	{"db", 'd', "DIR", "database folder; starts amatersd on it (else $AMATERS_DB)", TEXT,
		AT(database)},
	{"host", 'H', "COMMAND",
		"instead of --db: a shell command that talks to a host, \"ssh h amatersd --stdio --db d\"",
		TEXT, AT(host)},
	{"threads", 't', "N", "threads of the started host (default: one for each core)", NUMBER,
		AT(threads)},
	{"key-cache", 'K', "DIR",
		"folder where started hosts share the expanded evaluation key (else $AMATERS_KEY_CACHE)",
		TEXT, AT(key_cache)},
	{"memory", 'm', "FILE",
		"remembers how far each database has come (default: KEY.memory; '' for none)", TEXT,
		AT(memory)},
	{"passphrase-file", 'p', "FILE",
		"read the passphrase from a file (else the terminal is asked)", TEXT,
		AT(passphrase_file)},
	{"passphrase-fd", 'P', "N", "read the passphrase from a file descriptor", TEXT,
		AT(passphrase_fd)},
	{"new-passphrase-file", 'w', "FILE", "read the new passphrase from a file", TEXT,
		AT(new_passphrase_file)},
	{"new-passphrase-fd", 'W', "N", "read the new passphrase from a file descriptor", TEXT,
		AT(new_passphrase_fd)},
	{"parameters", 'S', "NAME", "parameter set of a new key", TEXT, AT(parameters)},
	{"evaluation-key", 'E', "FILE",
		"write (keygen) or use (create) an evaluation key made beforehand", TEXT,
		AT(evaluation_key)},
	{"schema", 's', "FILE", "SQL with the CREATE TABLE statements ('-': stdin)", TEXT,
		AT(schema)},
	{"format", 'f', "FORMAT", "table (default), csv or json", CHOICE, AT(format), formats},
	{"fetch", 'F', "MODE", "rows of a projection: all (default, shows nothing), padded or ids",
		CHOICE, AT(fetch), fetches},
	{"compare", 'C', "FORM",
		"scans: tree (default, hides which comparison it is) or product (faster for equalities)",
		CHOICE, AT(compare), compares},
	{"stats-file", 'o', "FILE",
		"write the last statement's rows, bootstraps, times and bytes as name=value", TEXT,
		AT(stats_file)},
	{"header", 'r', "WHEN", "whether the CSV has a header: auto (default), yes or no", CHOICE,
		AT(header), headers},
	{"delimiter", 'D', "CHAR", "between the fields of the CSV (default: comma)", TEXT,
		AT(delimiter)},
	{"null", 'n', "TEXT", "spelling of NULL in the CSV, besides an empty field", TEXT,
		AT(null_text)},
	{"audit", 'a', "TABLE", "read a table back and check every authentication code", TEXT,
		AT(audit)},
	{"force", 'x', NULL, "replace a key file that is there", FLAG, AT(force)},
	{"quiet", 'q', NULL, "no talk: neither progress nor statistics", FLAG, AT(quiet)},
	{"help", 'h', NULL, "this text", FLAG, 0},
#undef AT
};
enum { ROWS = sizeof(option_table) / sizeof(option_table[0]) };

int usage_error(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("amaters: ", stderr);
	vfprintf(stderr, format, args);
	fputs("\ntry: amaters --help\n", stderr);
	va_end(args);
	return EXIT_USAGE;
}

static bool takes(const struct command *command, const char *name)
{
	char word[40];
	(void)snprintf(word, sizeof(word), " %s ", name);
	return strcmp(name, "help") == 0 || strstr(command->options, word) != NULL;
}

void options_help(FILE *out, unsigned index)
{
	const struct command *command = &command_table[index];
	fprintf(out, "usage: amaters %s [options]%s%s\n\n%s.\n%s\noptions:\n", command->name,
		command->arguments[0] ? " " : "", command->arguments, command->summary,
		command->details);
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *row = &option_table[i];
		if (!takes(command, row->name))
			continue;
		char left[48];
		(void)snprintf(left, sizeof(left), "-%c, --%s %s", row->letter, row->name,
			row->value != NULL ? row->value : "");
		fprintf(out, "  %-32s %s\n", left, row->help);
	}
}

/* Index of the word in a list ending with NULL, or -1. */
static int choice(const char *word, const char *const *list)
{
	for (int i = 0; list[i] != NULL; i++)
		if (strcmp(word, list[i]) == 0)
			return i;
	return -1;
}

static bool set(struct options *o, const struct option_row *row, const char *value)
{
	void *field = (char *)o + row->offset;
	char *end;
	long n = 1;
	switch (row->kind) {
	case TEXT:
		memcpy(field, &value, sizeof(value));
		return true;
	case FLAG:
		*(bool *)field = true;
		return true;
	case NUMBER:
		errno = 0;
		n = strtol(value, &end, 10);
		*(int *)field = (int)n;
		return errno == 0 && end != value && *end == '\0' && n >= 0 && n <= 1 << 20;
	default:
		*(int *)field = choice(value, row->choices);
		return *(int *)field >= 0;
	}
}

static const struct option_row *row_of(int letter)
{
	const struct option_row *row = option_table;
	while (row->letter != letter)
		row++;
	return row;
}

int options_parse(struct options *out, unsigned index, int argc, char **argv)
{
	const struct command *command = &command_table[index];
	struct option known[ROWS + 1] = {0};
	char letters[2 * ROWS + 2] = ":";
	size_t count = 0, length = 1;
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *row = &option_table[i];
		if (!takes(command, row->name))
			continue;
		known[count++] = (struct option){row->name,
			row->value != NULL ? required_argument : no_argument, NULL, row->letter};
		letters[length++] = row->letter;
		if (row->value != NULL)
			letters[length++] = ':';
	}
	const char *usual = getenv("AMATERS_DB");
	*out = (struct options){.key = getenv("AMATERS_KEY"),
		.database = usual,
		.key_cache = getenv("AMATERS_KEY_CACHE")};
	opterr = 0;
	for (;;) {
		int letter = getopt_long(argc, argv, letters, known, NULL);
		if (letter == -1)
			break;
		if (letter == 'h') {
			options_help(stdout, index);
			return -1;
		}
		if (letter == '?')
			return usage_error("%s does not know %s", command->name, argv[optind - 1]);
		if (letter == ':')
			return usage_error("%s needs a value", argv[optind - 1]);
		if (!set(out, row_of(letter), optarg))
			return usage_error(
				"--%s does not take \"%s\"", row_of(letter)->name, optarg);
	}
	out->names_host = out->host != NULL || out->database != usual;
	out->argument = argv + optind;
	out->arguments = argc - optind;
	return EXIT_DONE;
}
