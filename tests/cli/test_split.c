/* SQL scripts are cut where PostgreSQL would cut them. */
#include "testing.h"

#include "../../cli/cli.h"

#include <stdlib.h>

static void expect(const char *script, const char *const *statements)
{
	for (size_t i = 0; statements[i] != NULL; i++) {
		char *one = next_statement(&script);
		assert_non_null(one);
		assert_string_equal(one, statements[i]);
		free(one);
	}
	assert_null(next_statement(&script));
}
#define SPLIT(script, ...) expect(script, (const char *const[]){__VA_ARGS__, NULL})

static void semicolons_separate(void **state)
{
	(void)state;
	SPLIT("SELECT 1; SELECT 2", "SELECT 1", "SELECT 2");
	SPLIT(" ;; SELECT 1 ;;\n", "SELECT 1 ");
	expect("", (const char *const[]){NULL});
	expect(" ; -- nothing\n /* at ; all */ ;", (const char *const[]){NULL});
}

static void quotes_hide_semicolons(void **state)
{
	(void)state;
	SPLIT("a 'x;''y;' b; c", "a 'x;''y;' b", "c");
	SPLIT("a \"x;\"\"y;\" b; c", "a \"x;\"\"y;\" b", "c");
	SPLIT("E'\\';' ; c", "E'\\';' ", "c");
	SPLIT("type'\\'; c", "type'\\'", "c");
	SPLIT("'open; end", "'open; end");
}

static void dollar_quotes_hide_semicolons(void **state)
{
	(void)state;
	SPLIT("$$a;b$$; c", "$$a;b$$", "c");
	SPLIT("$t$ $$;$$ $u$ ; $t$; c", "$t$ $$;$$ $u$ ; $t$", "c");
	SPLIT("a = $1; c", "a = $1", "c");
	SPLIT("$t$ open;", "$t$ open;");
}

static void comments_hide_semicolons(void **state)
{
	(void)state;
	SPLIT("a -- b; c\n d; e", "a -- b; c\n d", "e");
	SPLIT("a /* b; /* c; */ ; */ d; e", "a /* b; /* c; */ ; */ d", "e");
	SPLIT("-- first\nSELECT 1; /* then */ SELECT 2", "SELECT 1", "SELECT 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(semicolons_separate),
		cmocka_unit_test(quotes_hide_semicolons),
		cmocka_unit_test(dollar_quotes_hide_semicolons),
		cmocka_unit_test(comments_hide_semicolons),
	};
	return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
