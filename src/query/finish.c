#include "query/finish.h"
#include "query/value.h"

/* Position of the first decimal group of four digits of v (0: units) and its value, as
 * PostgreSQL's numeric keeps them; v has `scale` decimals. */
static void leading_group(uint128 v, unsigned scale, int *weight, int *group)
{
	*weight = 0;
	*group = 0;
	if (v == 0)
		return;
	/* Align the decimals to whole groups, at most 3 digits: v < 2^116 has room for them. */
	int groups = (int)(scale + 3) / 4;
	for (unsigned i = scale; i < (unsigned)groups * 4; i++)
		v *= 10;
	int weights = -groups;
	while (v >= 10000) {
		v /= 10000;
		weights++;
	}
	*weight = weights;
	*group = (int)v;
}

/* How many decimals PostgreSQL gives a / b (select_div_scale): enough for 16 significant digits of
 * the quotient, estimated from the leading groups, and no fewer than the operands have. */
static unsigned quotient_scale(uint128 a, unsigned scale, uint64_t b)
{
	int weight_a, weight_b, group_a, group_b;
	leading_group(a, scale, &weight_a, &group_a);
	leading_group(b, 0, &weight_b, &group_b);
	int weight = weight_a - weight_b - (group_a <= group_b);
	int decimals = 16 - weight * 4;
	return decimals > (int)scale ? (unsigned)decimals : scale;
}

static amt_status print_average(
	struct buf *out, bool negative, uint128 sum, unsigned scale, uint64_t count)
{
	ENSURE(sum < (uint128)1 << 116 &&
			(scale <= 18 || (scale <= 24 && count < UINT64_C(1) << 40)),
		AMT_OUT_OF_RANGE, "an average is beyond what is computed with");
	/* count < 2^64 and 10^18 < 2^60, or 2^40 and 2^80: ten times the divisor fits 128 bits. */
	uint128 divisor = count;
	for (unsigned i = 0; i < scale; i++)
		divisor *= 10;
	unsigned decimals = quotient_scale(sum, scale, count);
	uint128 rest = sum % divisor;
	char digits[80];
	ENSURE(decimals < sizeof(digits), AMT_INTERNAL, "%u decimals", decimals);
	uint128 whole = sum / divisor;
	for (unsigned i = 0; i < decimals; i++) {
		rest *= 10;
		digits[i] = (char)('0' + (int)(rest / divisor));
		rest %= divisor;
	}
	bool carry = rest * 2 >= divisor; /* halves away from zero */
	for (unsigned i = decimals; carry && i-- > 0;) {
		carry = digits[i] == '9';
		digits[i] = carry ? '0' : (char)(digits[i] + 1);
	}
	whole += carry;
	bool zero = whole == 0;
	for (unsigned i = 0; i < decimals; i++)
		zero &= digits[i] == '0';
	if (negative && !zero)
		TRY(buf_put_u8(out, '-'));
	TRY(print_scaled(out, false, whole, 0));
	return decimals == 0 ? STATUS_OK : buf_printf(out, ".%.*s", (int)decimals, digits);
}

static uint128 magnitude_of(int128 v)
{
	return v < 0 ? -(uint128)v : (uint128)v;
}

amt_status finish_sum(int128 sum, unsigned scale, struct buf *out)
{
	return print_scaled(out, sum < 0, magnitude_of(sum), scale);
}

amt_status finish_average(int128 sum, unsigned scale, uint64_t count, struct buf *out)
{
	return print_average(out, sum < 0, magnitude_of(sum), scale, count);
}

amt_status finish_aggregate(const struct plan_item *item, const struct schema *schema,
	const uint64_t *slots, bool *null, struct buf *out)
{
	uint64_t count = slots[item->count_slot], raw = slots[item->value_slot];
	*null = item->kind != PLAN_COUNT && count == 0;
	if (item->kind == PLAN_COUNT)
		return print_scaled(out, false, count, 0);
	if (*null)
		return STATUS_OK;
	const struct column *c = &schema->column[item->column];
	if (item->kind == PLAN_MIN || item->kind == PLAN_MAX) {
		struct value v = {.bits = raw};
		return value_print(out, c, &v);
	}
	/* Each term carried the bias. */
	uint64_t sum = raw - count * column_bias(c);
	bool negative = column_signed(c) && (int64_t)sum < 0;
	uint64_t magnitude = negative ? -sum : sum;
	return item->kind == PLAN_SUM ? print_scaled(out, negative, magnitude, c->scale)
				      : print_average(out, negative, magnitude, c->scale, count);
}
