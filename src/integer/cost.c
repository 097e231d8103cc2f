/* What operations cost. Where a formula is short it is here; products, sums and counts of zeros follow
 * how their piles are compressed, so their figures are measured ones that tests pin. */
#include "integer/integer.h"

/* Of 8, 16, 32, 64, 128 bits. */
enum { WIDTHS = 5 };
static const struct int_cost multiplications[WIDTHS] = {
	{15, 5}, {55, 10}, {210, 20}, {818, 37}, {3229, 70}};
static const struct int_cost sums[WIDTHS] = {{12, 5}, {24, 9}, {48, 17}, {96, 33}, {192, 65}};
static const struct int_cost zeros[WIDTHS] = {{4, 3}, {10, 7}, {19, 11}, {41, 21}, {82, 38}};
static const struct int_cost orders[2][WIDTHS] = {
	{{3, 2}, {5, 2}, {11, 3}, {21, 3}, {43, 4}}, {{3, 2}, {6, 3}, {11, 3}, {22, 4}, {0, 0}}};

struct int_cost int_cost(enum int_operation op, enum int_type type)
{
	unsigned b = int_type_blocks(type), width = 0, stages;
	bool is_signed = int_type_signed(type);
	if (type == INT_BOOL)
		return op == INT_OP_SELECT || op == INT_OP_LOGIC || op == INT_OP_EQ ||
				       op == INT_OP_ORDER
			       ? (struct int_cost){1, 1}
			       : (struct int_cost){0, 0};
	while (8u << width < 2 * b)
		width++;
	stages = (width + 4) / 2; /* two bits of the amount each */
	struct int_cost order = orders[is_signed][width];
	switch (op) {
	case INT_OP_ADD:
		return (struct int_cost){b, b};
	case INT_OP_ADD_CLEAR:
		return (struct int_cost){b / 2, b / 2};
	case INT_OP_ADD_OVERFLOW:
		return (struct int_cost){b + is_signed, b + is_signed};
	case INT_OP_MUL:
		return multiplications[width];
	case INT_OP_SUM_10:
		return sums[width];
	case INT_OP_DIVIDE: /* signed: four conditional negations and three signs */
		return (struct int_cost){2 * b * (b + 1) + 4 * b - 1 + (is_signed ? 8 * b + 3 : 0),
			b * b + 7 * b - 1 + (is_signed ? 4 * b + 7 : 0)};
	case INT_OP_EQ:
		return (struct int_cost){b / 2 + 1 + 2 * (b > 32), 2 + 2 * (b > 32)};
	case INT_OP_ORDER:
		return order;
	case INT_OP_SELECT:
	case INT_OP_LOGIC:
		return (struct int_cost){b, 1};
	case INT_OP_MIN:
		return (struct int_cost){order.bootstraps + b, order.depth + 1};
	case INT_OP_SHL:
		return (struct int_cost){stages * b, stages};
	case INT_OP_SHR_SIGNED:
		return (struct int_cost){stages * (b + 1) + 1, stages + 1};
	case INT_OP_SHIFT_CLEAR:
		return (struct int_cost){b / 2, 1};
	case INT_OP_LEADING_ZEROS:
		return zeros[width];
	default:
		return (struct int_cost){0, 0};
	}
}
