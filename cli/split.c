/* Cuts an SQL script at the semicolons that are not inside quotes, dollar quotes or comments, as
 * PostgreSQL's lexer sees them. */
#include "cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_quoted(const char *p, char quote, bool backslashes)
{
	for (p++; *p; p++) {
		if (backslashes && *p == '\\' && p[1])
			p++;
		else if (*p == quote)
			return p + 1; /* a doubled quote just starts the next string */
	}
	return p;
}

static const char *skip_comment(const char *p)
{
	unsigned depth = 0;
	while (*p) {
		if (p[0] == '/' && p[1] == '*') {
			depth++;
			p += 2;
		} else if (p[0] == '*' && p[1] == '/') {
			p += 2;
			if (--depth == 0)
				break;
		} else {
			p++;
		}
	}
	return p;
}

/* At a dollar sign: past the closing tag, or past the dollar if it opens nothing. */
static const char *skip_dollar(const char *p)
{
	size_t tag = 1;
	while (isalnum((unsigned char)p[tag]) || p[tag] == '_')
		tag++;
	if (p[tag] != '$' || isdigit((unsigned char)p[1]))
		return p + 1;
	tag++;
	for (const char *q = p + tag; *q; q++)
		if (strncmp(q, p, tag) == 0)
			return q + tag;
	return p + strlen(p);
}

static const char *skip_blank(const char *p)
{
	for (;;) {
		if (isspace((unsigned char)*p) || *p == ';')
			p++;
		else if (p[0] == '-' && p[1] == '-')
			p += strcspn(p, "\n");
		else if (p[0] == '/' && p[1] == '*')
			p = skip_comment(p);
		else
			return p;
	}
}

char *next_statement(const char **from)
{
	const char *start = skip_blank(*from);
	const char *p = start;
	bool word = false; /* the last character belongs to a name */
	while (*p && *p != ';') {
		bool escapes = (*p == 'e' || *p == 'E') && p[1] == '\'' && !word;
		word = isalnum((unsigned char)*p) || *p == '_';
		if (escapes)
			p = skip_quoted(p + 1, '\'', true);
		else if (*p == '\'' || *p == '"')
			p = skip_quoted(p, *p, false);
		else if (*p == '$')
			p = skip_dollar(p);
		else if (p[0] == '-' && p[1] == '-')
			p += strcspn(p, "\n");
		else if (p[0] == '/' && p[1] == '*')
			p = skip_comment(p);
		else
			p++;
	}
	*from = p;
	return p > start ? strndup(start, (size_t)(p - start)) : NULL;
}
