/* Text to tree. libpg_query parses with PostgreSQL's grammar and hands over a protobuf, which is
 * unpacked into an arena: no destructor recurses.
 *
 * The parser bounds its own stack for what nests to the right, but chains that nest to the left
 * (1+1+1+...) make trees as deep as the text is long, and both its output and the unpacking
 * recurse. So the tokens are counted first, see check_depth.
 */
#include "query/statement.h"
#include "base/alloc.h"

#include <pg_query.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	MAX_STATEMENT_BYTES = 8 << 20,
	/* Tokens between commas, nested parentheses included. Unpacking takes about 1.3 KiB of
	 * stack for each, so 8 MiB hold three times as many. */
	MAX_SEGMENT_TOKENS = 2048
};

/* Line and column (in characters) of a byte, both from 1. */
static void place(const char *text, size_t at, unsigned *line, unsigned *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < at && text[i] != '\0'; i++) {
		if (text[i] == '\n') {
			++*line;
			*column = 1;
		} else if (((uint8_t)text[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

amt_status sql_error(const struct sql_statement *s, amt_code code, int location, const char *file,
	int line, const char *format, ...)
{
	char what[512];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	if (location < 0)
		return status_new(code, 0, file, line, "%s", what);
	unsigned row, column;
	place(s->text, (size_t)location, &row, &column);
	size_t low = 0, high = s->tokens;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (s->token[middle].start < (uint32_t)location)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == s->tokens || s->token[low].start != (uint32_t)location)
		return status_new(code, 0, file, line, "line %u, column %u: %s", row, column, what);
	int size = (int)(s->token[low].end - s->token[low].start);
	return status_new(code, 0, file, line, "line %u, column %u: %s, at \"%.*s%s\"", row, column,
		what, size > 40 ? 40 : size, s->text + location, size > 40 ? "..." : "");
}

amt_status sql_at(const struct sql_statement *s, int location, amt_status status)
{
	if (amt_ok(status) || location < 0)
		return status;
	amt_status placed =
		SQL_ERROR(s, amt_status_code(status), location, "%s", amt_status_message(status));
	status_drop(status);
	return placed;
}

int sql_keyword(const struct sql_statement *s, const char *word, int from)
{
	for (size_t i = 0; i < s->tokens; i++) {
		const struct sql_token *t = &s->token[i];
		if (t->keyword && (int)t->start >= from &&
			span_is_word(span_of(s->text + t->start, t->end - t->start), word))
			return (int)t->start;
	}
	return -1;
}

static void *unpack_alloc(void *context, size_t size)
{
	void *p;
	amt_status s = arena_alloc(context, size, &p);
	if (amt_ok(s))
		return p;
	status_drop(s);
	return NULL;
}

static void unpack_free(void *context, void *pointer)
{
	(void)context;
	(void)pointer;
}

static amt_status syntax_error(const struct sql_statement *s, const PgQueryError *e)
{
	/* cursorpos counts characters from 1. */
	int at = -1;
	if (e->cursorpos > 0) {
		int left = e->cursorpos - 1;
		for (at = 0; s->text[at] != '\0'; at++)
			if (((uint8_t)s->text[at] & 0xc0) != 0x80 && left-- == 0)
				break;
	}
	if (strstr(e->message, "memory exhausted") != NULL)
		SQL_FAIL(s, AMT_LIMIT, at, "the statement nests too deep");
	unsigned row, column;
	if (at < 0)
		FAIL(AMT_SYNTAX, "%s", e->message);
	place(s->text, (size_t)at, &row, &column);
	FAIL(AMT_SYNTAX, "line %u, column %u: %s", row, column, e->message);
}

/* Bounds the depth of the tree before it is made: a path from the root goes down through segments
 * (the text between commas) of nested parentheses and has at most as many nodes as these have
 * tokens. */
static amt_status check_depth(const struct sql_statement *s)
{
	struct level {
		uint32_t own, inner, most;
	} * stack;
	TRY(mem_array(&stack, MAX_SEGMENT_TOKENS + 1, sizeof(*stack)));
	size_t depth = 0;
	amt_status result = STATUS_OK;
	for (size_t i = 0; i < s->tokens && amt_ok(result); i++) {
		struct level *l = &stack[depth];
		char c = s->text[s->token[i].start];
		if (s->token[i].end - s->token[i].start != 1)
			c = 'x';
		if ((c == ')' || c == ']') && depth > 0) {
			struct level *up = &stack[--depth];
			uint32_t inside = l->own + l->inner > l->most ? l->own + l->inner : l->most;
			if (inside > up->inner)
				up->inner = inside;
			l = up;
		} else if (c == ',' || c == ';') {
			if (l->own + l->inner > l->most)
				l->most = l->own + l->inner;
			l->own = l->inner = 0;
		} else {
			l->own++;
		}
		if (l->own + l->inner > MAX_SEGMENT_TOKENS || depth >= MAX_SEGMENT_TOKENS)
			result = SQL_ERROR(s, AMT_LIMIT, (int)s->token[i].start,
				"an expression of more than %d words (IN (...) holds a list of any "
				"length)",
				MAX_SEGMENT_TOKENS);
		if (amt_ok(result) && (c == '(' || c == '['))
			stack[++depth] = (struct level){0};
	}
	mem_free(stack);
	return result;
}

static amt_status read_tokens(
	struct sql_statement *s, ProtobufCAllocator *allocator, const PgQueryScanResult *r)
{
	if (r->error != NULL)
		return syntax_error(s, r->error);
	const PgQuery__ScanResult *scan = pg_query__scan_result__unpack(
		allocator, r->pbuf.len, (const uint8_t *)r->pbuf.data);
	ENSURE(scan != NULL, AMT_OUT_OF_MEMORY, "the tokens of a statement");
	TRY(arena_alloc(&s->arena, scan->n_tokens * sizeof(*s->token) + 1, &s->token));
	for (size_t i = 0; i < scan->n_tokens; i++) {
		const PgQuery__ScanToken *t = scan->tokens[i];
		if (t->token == PG_QUERY__TOKEN__SQL_COMMENT ||
			t->token == PG_QUERY__TOKEN__C_COMMENT)
			continue;
		s->token[s->tokens++] = (struct sql_token){.start = (uint32_t)t->start,
			.end = (uint32_t)t->end,
			.keyword = t->keyword_kind != PG_QUERY__KEYWORD_KIND__NO_KEYWORD};
	}
	return check_depth(s);
}

static amt_status read_tree(
	struct sql_statement *s, ProtobufCAllocator *allocator, const PgQueryProtobufParseResult *r)
{
	if (r->error != NULL)
		return syntax_error(s, r->error);
	const PgQuery__ParseResult *tree = pg_query__parse_result__unpack(
		allocator, r->parse_tree.len, (const uint8_t *)r->parse_tree.data);
	ENSURE(tree != NULL, AMT_OUT_OF_MEMORY, "the tree of a statement");
	ENSURE(tree->n_stmts > 0, AMT_SYNTAX, "no statement");
	SQL_ENSURE(tree->n_stmts == 1, s, AMT_UNSUPPORTED, tree->stmts[1]->stmt_location,
		"more than one statement: send them one by one");
	return sql_check(s, tree->stmts[0]->stmt);
}

/* PostgreSQL's lexer reads a run of operator characters to its end and, if a comment opens in it,
 * gives all but that back: quadratic in a run of comment signs. */
static amt_status check_comments(const char *text)
{
	unsigned opened = 0;
	for (const char *p = text; *p != '\0'; p++) {
		if (strchr("~!@#^&|`?+-*/%<>=", *p) == NULL)
			opened = 0;
		else if (p[0] == '/' && p[1] == '*')
			ENSURE(++opened <= 200, AMT_LIMIT, "comments nest too deep");
	}
	return STATUS_OK;
}

static amt_status parse(struct sql_statement *s, const char *text)
{
	size_t size = strlen(text);
	ENSURE(size <= MAX_STATEMENT_BYTES, AMT_LIMIT, "a statement of %zu bytes, at most %d", size,
		MAX_STATEMENT_BYTES);
	char *copy;
	TRY(arena_alloc(&s->arena, size + 1, &copy));
	memcpy(copy, text, size + 1);
	s->text = copy;
	ENSURE(utf8_valid(span_of(text, size)), AMT_SYNTAX, "the statement is not UTF-8");
	TRY(check_comments(s->text));
	ProtobufCAllocator allocator = {unpack_alloc, unpack_free, &s->arena};

	PgQueryScanResult scan = pg_query_scan(s->text);
	amt_status result = read_tokens(s, &allocator, &scan);
	pg_query_free_scan_result(scan);
	if (amt_ok(result)) {
		PgQueryProtobufParseResult tree = pg_query_parse_protobuf(s->text);
		result = read_tree(s, &allocator, &tree);
		pg_query_free_protobuf_parse_result(tree);
	}
	return result;
}

amt_status sql_parse(struct sql_statement **out, const char *text)
{
	struct sql_statement *s;
	TRY(mem_zalloc(&s, sizeof(*s)));
	amt_status result = parse(s, text);
	if (amt_ok(result))
		*out = s;
	else
		sql_free(s);
	return result;
}

void sql_free(struct sql_statement *s)
{
	if (s == NULL)
		return;
	arena_free(&s->arena);
	mem_free(s);
}

enum statement_kind sql_kind(const struct sql_statement *s)
{
	return s->kind;
}

bool sql_is_explain(const struct sql_statement *s)
{
	return s->explain;
}

bool sql_if_exists(const struct sql_statement *s)
{
	return s->if_exists;
}

const char *sql_table(const struct sql_statement *s)
{
	return s->table;
}
