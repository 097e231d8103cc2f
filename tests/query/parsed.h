/* Statements and schemas of texts that must parse. */
#ifndef TESTS_QUERY_PARSED_H
#define TESTS_QUERY_PARSED_H

#include "testing.h"

#include "query/plan.h"

static inline struct sql_statement *parsed(const char *text)
{
	struct sql_statement *s = NULL;
	OK(sql_parse(&s, text));
	return s;
}

static inline struct schema schema_of(const char *text)
{
	struct schema schema;
	struct sql_statement *s = parsed(text);
	OK(sql_schema(s, &schema));
	sql_free(s);
	return schema;
}

#endif
