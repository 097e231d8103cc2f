/* Results under construction. */
#ifndef ENGINE_RESULT_H
#define ENGINE_RESULT_H

#include "amaters/owner.h"
#include "base/bytes.h"
#include "query/schema.h"

/* statement: static text. */
amt_status result_new(amt_result **out, const char *statement);
/* All columns come before the first cell. type: as in SQL; copied. */
amt_status result_add_column(amt_result *r, const char *name, const char *type, bool is_number);
/* Cells come row by row; text NULL data: SQL's NULL. Copied. */
amt_status result_add_cell(amt_result *r, struct span text, bool null);
/* The column's name and type of a schema's column, and a value of it. */
amt_status result_add_schema_column(amt_result *r, const char *label, const struct column *c);
amt_status result_add_value(amt_result *r, const struct column *c, const struct value *v);
amt_status result_set_explanation(amt_result *r, struct span text);
void result_set_affected(amt_result *r, uint64_t rows);
amt_statistics *result_statistics(amt_result *r);
/* "decimal(5,2)" */
void result_type_name(const struct column *c, char out[48]);

#endif
