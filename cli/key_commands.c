/* amaters key: the keys of a key store. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DATE_BYTES = 32 };

static const char *date(char out[DATE_BYTES], uint64_t us)
{
	time_t seconds = (time_t)(us / 1000000);
	struct tm t;
	if (us == 0 || gmtime_r(&seconds, &t) == NULL ||
		strftime(out, DATE_BYTES, "%Y-%m-%dT%H:%M:%SZ", &t) == 0)
		return "-";
	return out;
}

/* A date, or days from now; 0: never. */
static bool parse_expiry(const char *text, uint64_t *us)
{
	*us = 0;
	if (text == NULL)
		return true;
	char *end;
	errno = 0;
	unsigned long days = strtoul(text, &end, 10);
	if (errno == 0 && end != text && text[0] != '-' && strcmp(end, "d") == 0 && days <= 36500) {
		*us = ((uint64_t)time(NULL) + days * 86400) * 1000000;
		return true;
	}
	struct tm t = {0};
	end = strptime(text, "%Y-%m-%d", &t);
	time_t seconds = timegm(&t);
	*us = (uint64_t)seconds * 1000000;
	return end != NULL && *end == '\0' && seconds > 0;
}

static void print_json_text(const char *name, const char *text)
{
	printf("\"%s\": \"", name);
	for (; *text != '\0'; text++)
		printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	printf("\"");
}

static void print_key(const amt_key_info *k, bool json, bool first)
{
	char created[DATE_BYTES], changed[DATE_BYTES], expires[DATE_BYTES];
	const char *dates[] = {date(created, k->created_us), date(changed, k->changed_us),
		date(expires, k->expires_us)};
	if (!json) {
		printf("%s  %-8s  %-15s  %-20s  %-20s  %-20s  %s\n", k->id,
			amt_key_state_name(k->state), k->parameters, dates[0], dates[1], dates[2],
			k->client);
		return;
	}
	printf("%s\n  {\"key\": \"%s\", \"state\": \"%s\", \"parameters\": \"%s\", \"created\": \"%s\", "
	       "\"changed\": \"%s\", \"expires\": \"%s\", \"other\": \"%s\", ",
		first ? "" : ",", k->id, amt_key_state_name(k->state), k->parameters, dates[0],
		dates[1], dates[2], k->other);
	print_json_text("client", k->client);
	printf("}");
}

static int list(struct work *w, const struct options *o)
{
	amt_key_info *keys = NULL;
	size_t count = 0;
	bool json = o->format == FORMAT_JSON;
	int status = finish(amt_key_store_list(w->store, &keys, &count));
	if (status != EXIT_DONE)
		return status;
	if (json)
		printf("[");
	else
		printf("%-32s  %-8s  %-15s  %-20s  %-20s  %-20s  %s\n", "key", "state",
			"parameters", "created", "changed", "expires", "client");
	for (size_t i = 0; i < count; i++)
		print_key(&keys[i], json, i == 0);
	if (json)
		printf("\n]\n");
	amt_key_store_free(keys);
	return EXIT_DONE;
}

static void print_event(const amt_key_event *e, size_t number, bool json)
{
	char when[DATE_BYTES];
	const char *time = date(when, e->time_us);
	if (!json) {
		printf("%4zu  %s  %s  %s -> %s  %s%s%s%s%s\n", number, time, e->id,
			amt_key_state_name(e->from), amt_key_state_name(e->to), e->client,
			e->other[0] != '\0' ? "  with " : "", e->other,
			e->note[0] != '\0' ? "  : " : "", e->note);
		return;
	}
	printf("%s\n  {\"time\": \"%s\", \"key\": \"%s\", \"from\": \"%s\", \"to\": \"%s\", "
	       "\"other\": \"%s\", \"head\": \"%s\", ",
		number == 0 ? "" : ",", time, e->id, amt_key_state_name(e->from),
		amt_key_state_name(e->to), e->other, e->head);
	print_json_text("client", e->client);
	printf(", ");
	print_json_text("note", e->note);
	printf("}");
}

static int audit(struct work *w, const struct options *o)
{
	amt_key_event *events = NULL;
	size_t count = 0;
	bool json = o->format == FORMAT_JSON;
	int status = finish(amt_key_store_audit(
		w->store, o->arguments == 2 ? o->argument[1] : NULL, &events, &count));
	if (status != EXIT_DONE)
		return status;
	if (json)
		printf("[");
	for (size_t i = 0; i < count; i++)
		print_event(&events[i], i, json);
	if (json)
		printf("\n]\n");
	else if (count > 0)
		printf("%zu events, an unbroken chain; head %s\n", count, events[count - 1].head);
	amt_key_store_free(events);
	return EXIT_DONE;
}

/* ---- changes */

static int make_key(struct work *w, const struct options *o, const char *client,
	const char *parameters, char id[AMT_KEY_ID_TEXT])
{
	uint64_t expires;
	if (!parse_expiry(o->expires, &expires))
		return usage_error("--expires does not take \"%s\"", o->expires);
	return finish(amt_key_store_new_key(w->store, client, parameters, expires, id));
}

/* Makes the store if there is none: then the passphrase is a new one. */
static int make_store(const struct options *o, struct work *w)
{
	struct stat about;
	char *secret = NULL;
	if (asprintf(&secret, "%s/secret", o->key) < 0)
		return complain("memory for", o->key);
	bool there = stat(secret, &about) == 0;
	free(secret);
	if (there)
		return open_store(w, o);
	amt_passphrase *p = NULL;
	int status = read_passphrase(&p, o->passphrase_file, o->passphrase_fd, true);
	if (status == EXIT_DONE)
		status = finish(amt_key_store_create(
			o->key, amt_passphrase_bytes(p), amt_passphrase_size(p)));
	if (status == EXIT_DONE)
		status = finish(amt_key_store_open(
			&w->store, o->key, amt_passphrase_bytes(p), amt_passphrase_size(p), 0));
	amt_passphrase_free(p);
	return status;
}

static int create(const struct options *o)
{
	struct work w = {0};
	char id[AMT_KEY_ID_TEXT];
	if (o->client == NULL)
		return usage_error("--client NAME is missing");
	int status = make_store(o, &w);
	if (status == EXIT_DONE)
		status = make_key(&w, o, o->client, o->parameters, id);
	if (status == EXIT_DONE)
		printf("key %s of %s, created\n", id, o->client);
	return close_work(&w, status);
}

/* Client and set of a key. */
int look_up(struct work *w, const char *id, amt_key_info *out)
{
	amt_key_info *keys = NULL;
	size_t count = 0;
	int status = finish(amt_key_store_list(w->store, &keys, &count));
	for (size_t i = 0; i < count; i++)
		if (strcmp(keys[i].id, id) == 0)
			*out = keys[i];
	amt_key_store_free(keys);
	return status;
}

static int export_rotation(struct work *w, const char *path, const char *old_id, const char *new_id)
{
	amt_key *old_key = NULL, *new_key = NULL;
	int status = finish(amt_key_store_key(w->store, &old_key, old_id, AMT_KEY_DECRYPT));
	if (status == EXIT_DONE)
		status = finish(amt_key_store_key(w->store, &new_key, new_id, AMT_KEY_PREPARE));
	if (status == EXIT_DONE)
		status = write_rotation_key(old_key, new_key, path);
	amt_key_free(old_key);
	amt_key_free(new_key);
	return status;
}

static int rotate(struct work *w, const struct options *o, const char *id)
{
	char successor[AMT_KEY_ID_TEXT];
	amt_key_info old = {0};
	int status = look_up(w, id, &old);
	if (status == EXIT_DONE && o->arguments > 2)
		status = find_key(w, o->argument[2], successor);
	else if (status == EXIT_DONE && old.state != AMT_KEY_ACTIVE) {
		fprintf(stderr, "amaters: a key that is %s cannot become rotated\n",
			amt_key_state_name(old.state));
		status = EXIT_ERROR;
	} else if (status == EXIT_DONE)
		status = make_key(w, o, old.client, old.parameters, successor);
	if (status == EXIT_DONE)
		status = finish(amt_key_store_rotate(w->store, id, successor, o->note));
	if (status == EXIT_DONE)
		printf("key %s rotated; key %s active\n", id, successor);
	if (status == EXIT_DONE && o->rotation_key != NULL)
		status = export_rotation(w, o->rotation_key, id, successor);
	return status;
}

/* The host first: it can be told again, and what the store says stays true if it cannot be reached. */
static int revoke_at_host(struct work *w, const struct options *o, const char *id, bool *done)
{
	amt_key_info key = {0};
	int status = look_up(w, id, &key);
	if (status == EXIT_DONE)
		status = finish(amt_host_revoke(
			&(amt_session_options){.database = o->host == NULL ? o->database : NULL,
				.host_command = o->host,
				.host_threads = 1,
				.key_cache = o->key_cache},
			id));
	if (status == EXIT_DONE)
		printf("evaluation keys of %s deleted at the host\n", id);
	*done = key.state == AMT_KEY_REVOKED;
	return status;
}

static int change(struct work *w, const struct options *o, const char *id)
{
	/* What cannot be undone wants to be told where: $AMATERS_DB does not count. */
	if (strcmp(o->argument[0], "revoke") == 0 && o->names_host) {
		bool done;
		int status = revoke_at_host(w, o, id, &done);
		if (status != EXIT_DONE || done)
			return status;
	}
	static const struct {
		const char *action, *done;
		amt_status (*call)(amt_key_store *store, const char *id, const char *note);
	} changes[] = {{"activate", "active", amt_key_store_activate},
		{"revoke", "revoked", amt_key_store_revoke},
		{"expire", "expired", amt_key_store_expire}};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (strcmp(o->argument[0], changes[i].action) != 0)
			continue;
		int status = finish(changes[i].call(w->store, id, o->note));
		if (status == EXIT_DONE)
			printf("key %s %s\n", id, changes[i].done);
		return status;
	}
	return rotate(w, o, id);
}

int key_command(const struct options *o)
{
	static const struct {
		const char *action;
		int least, most; /* arguments, the action included */
	} actions[] = {{"create", 1, 1}, {"list", 1, 1}, {"audit", 1, 2}, {"activate", 2, 2},
		{"rotate", 2, 3}, {"revoke", 2, 2}, {"expire", 2, 2}};
	enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };
	unsigned a = 0;
	while (o->arguments > 0 && a < ACTIONS && strcmp(o->argument[0], actions[a].action) != 0)
		a++;
	if (o->arguments == 0 || a == ACTIONS)
		return usage_error("key takes an action: create, list, activate, rotate, revoke, "
				   "expire or audit");
	if (o->arguments < actions[a].least || o->arguments > actions[a].most)
		return usage_error("key %s takes %s", o->argument[0],
			actions[a].least == 1 ? "no key" : "the id of a key");
	if (o->key == NULL)
		return usage_error("--key FOLDER is missing");
	if (a == 0)
		return create(o);
	struct work w = {0};
	char id[AMT_KEY_ID_TEXT];
	int status = open_store(&w, o);
	if (status == EXIT_DONE && a == 1)
		status = list(&w, o);
	else if (status == EXIT_DONE && a == 2)
		status = audit(&w, o);
	else if (status == EXIT_DONE && (status = find_key(&w, o->argument[1], id)) == EXIT_DONE)
		status = change(&w, o, id);
	return close_work(&w, status);
}
