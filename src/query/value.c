/* Values between text and the integer that is encrypted. Text is read and printed as PostgreSQL
 * does with DateStyle ISO. */
#include "query/value.h"

static amt_status mismatch(const struct column *c, struct span text)
{
	int shown = text.size > 60 ? 60 : (int)text.size;
	FAIL(AMT_TYPE_MISMATCH, "column \"%s\": \"%.*s\" is not a valid %s", c->name, shown,
		(const char *)text.data, column_type_name(c->type));
}

static amt_status out_of_range(const struct column *c, struct span text)
{
	int shown = text.size > 60 ? 60 : (int)text.size;
	if (c->type == COLUMN_DECIMAL)
		FAIL(AMT_OUT_OF_RANGE, "column \"%s\": %.*s is out of range of decimal(%u,%u)",
			c->name, shown, (const char *)text.data, c->precision, c->scale);
	FAIL(AMT_OUT_OF_RANGE, "column \"%s\": %.*s is out of range of %s", c->name, shown,
		(const char *)text.data, column_type_name(c->type));
}

uint64_t column_bias(const struct column *c)
{
	return column_signed(c) ? UINT64_C(1) << (column_bits(c) - 1) : 0;
}

static int128 power_of_ten(unsigned n)
{
	int128 v = 1;
	while (n-- > 0)
		v *= 10;
	return v;
}

void column_range(const struct column *c, int128 *least, int128 *most)
{
	int128 half = (int128)column_bias(c);
	*least = -half;
	*most = half != 0 ? half - 1 : ((int128)1 << column_bits(c)) - 1;
	if (c->type == COLUMN_DECIMAL) {
		*most = power_of_ten(c->precision) - 1;
		*least = -*most;
	}
}

/* Proleptic Gregorian calendar, years counted astronomically (0 is 1 BC). Eras of 400 years have
 * 146097 days; a year here starts on the first of March, so that the leap day is its last. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t d = days - era * 146097;
	int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
	int64_t of_year = d - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;
	*day = (unsigned)(of_year - (153 * m + 2) / 5 + 1);
	*month = (unsigned)(m < 10 ? m + 3 : m - 9);
	*year = y + era * 400 + (*month <= 2);
}

/* YYYY-MM-DD with 4 to 7 digits of year, and perhaps " BC". */
static bool parse_date(struct span text, int64_t *days)
{
	text = span_trim(text);
	bool bc = text.size > 3 && span_is_word(span_of(text.data + text.size - 3, 3), " bc");
	if (bc)
		text = span_trim(span_of(text.data, text.size - 3));
	int64_t field[3] = {0, 0, 0};
	size_t at = 0;
	for (unsigned f = 0; f < 3; f++) {
		size_t first = at;
		while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9' &&
			at - first < 7)
			field[f] = field[f] * 10 + (text.data[at++] - '0');
		size_t digits = at - first;
		if (f == 0 ? digits < 4 : digits < 1 || digits > 2)
			return false;
		if (f < 2 && (at >= text.size || text.data[at++] != '-'))
			return false;
	}
	if (at != text.size || field[0] == 0 || field[1] < 1 || field[1] > 12 || field[2] < 1)
		return false;
	int64_t year = bc ? 1 - field[0] : field[0];
	*days = days_of(year, (unsigned)field[1], (unsigned)field[2]);
	int64_t y;
	unsigned m, d;
	date_of(*days, &y, &m, &d);
	return y == year && m == field[1] && d == field[2];
}

enum { MICROSECONDS = 1000000 };
static const int64_t microseconds_a_day = INT64_C(86400) * MICROSECONDS;

/* Up to two digits and what ends them. */
static bool parse_part(const uint8_t **at, const uint8_t *end, int64_t *out)
{
	const uint8_t *first = *at;
	*out = 0;
	while (*at < end && **at >= '0' && **at <= '9' && *at - first < 2)
		*out = *out * 10 + (*(*at)++ - '0');
	return *at > first;
}

/* HH:MM[:SS[.ffffff]], more decimals rounded; 24:00:00 is the end of the day. */
static bool parse_time(struct span text, int64_t *out)
{
	const uint8_t *at = text.data, *end = text.data + text.size;
	int64_t hour, minute, second = 0, fraction = 0;
	if (!parse_part(&at, end, &hour) || at == end || *at++ != ':' ||
		!parse_part(&at, end, &minute))
		return false;
	if (at < end && (*at++ != ':' || !parse_part(&at, end, &second)))
		return false;
	if (at < end && *at++ != '.')
		return false;
	int64_t place = MICROSECONDS / 10;
	for (unsigned i = 0; at < end; i++, at++, place /= 10) {
		if (*at < '0' || *at > '9')
			return false;
		fraction += i == 6 ? *at >= '5' : place * (*at - '0');
	}
	int64_t seconds = hour * 3600 + minute * 60 + second;
	*out = seconds * MICROSECONDS + fraction;
	return minute < 60 && second < 60 && (hour < 24 || (seconds == 86400 && fraction == 0));
}

/* A date, perhaps a blank or T and a time, perhaps " BC". */
static bool parse_timestamp(struct span text, int128 *out)
{
	text = span_trim(text);
	size_t at = 0;
	while (at < text.size && text.data[at] != ' ' && text.data[at] != 'T' &&
		text.data[at] != 't')
		at++;
	struct span date = span_of(text.data, at), rest = {0};
	if (at < text.size)
		rest = span_trim(span_of(text.data + at + 1, text.size - at - 1));
	bool bc = rest.size >= 2 && span_is_word(span_of(rest.data + rest.size - 2, 2), "bc");
	if (bc)
		rest = span_trim(span_of(rest.data, rest.size - 2));
	static const char era[] = {' ', 'b', 'c'};
	char copy[24];
	int64_t days, time = 0;
	if (date.size > 16)
		return false;
	memcpy(copy, date.data, date.size);
	memcpy(copy + date.size, era, sizeof(era));
	if (!parse_date(span_of(copy, date.size + (bc ? sizeof(era) : 0)), &days) ||
		(rest.size > 0 && !parse_time(rest, &time)) ||
		(at < text.size && rest.size == 0 && !bc))
		return false;
	*out = (int128)days * microseconds_a_day + time;
	return true;
}

/* As PostgreSQL: unique prefixes of true, false, yes, no, on, off; 1 and 0. */
static bool parse_bool(struct span text, uint64_t *out)
{
	static const struct {
		const char *word;
		uint8_t least, value;
	} words[] = {{"true", 1, 1}, {"false", 1, 0}, {"yes", 1, 1}, {"no", 1, 0}, {"on", 2, 1},
		{"off", 2, 0}, {"1", 1, 1}, {"0", 1, 0}};
	text = span_trim(text);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char word[6] = {0};
		if (text.size > strlen(words[i].word) || text.size < words[i].least)
			continue;
		memcpy(word, words[i].word, text.size);
		if (span_is_word(text, word)) {
			*out = words[i].value;
			return true;
		}
	}
	return false;
}

static bool is_integer(struct span text)
{
	text = span_trim(text);
	for (size_t i = 0; i < text.size; i++)
		if ((text.data[i] < '0' || text.data[i] > '9') &&
			!(i == 0 && text.size > 1 && (text.data[0] == '-' || text.data[0] == '+')))
			return false;
	return text.size > 0;
}

amt_status value_of_integer(
	struct value *out, const struct column *c, int128 scaled, struct span text)
{
	int128 least, most;
	column_range(c, &least, &most);
	if (scaled < least || scaled > most)
		return out_of_range(c, text);
	*out = (struct value){.bits = (uint64_t)(scaled + (int128)column_bias(c))};
	return STATUS_OK;
}

amt_status value_parse(struct value *out, const struct column *c, struct span text)
{
	*out = (struct value){0};
	struct number n;
	int64_t days;
	int128 microseconds;
	switch (c->type) {
	case COLUMN_TEXT:
		ENSURE(text.size <= SCHEMA_MAX_TEXT, AMT_OUT_OF_RANGE,
			"column \"%s\": text of %zu bytes, at most %d allowed", c->name, text.size,
			SCHEMA_MAX_TEXT);
		ENSURE(utf8_valid(text), AMT_TYPE_MISMATCH,
			"column \"%s\": the text is not UTF-8 (or holds a NUL)", c->name);
		out->text = text;
		return STATUS_OK;
	case COLUMN_BOOL:
		return parse_bool(text, &out->bits) ? STATUS_OK : mismatch(c, text);
	case COLUMN_DATE:
		if (!parse_date(text, &days))
			return mismatch(c, text);
		return value_of_integer(out, c, days, text);
	case COLUMN_TIMESTAMP:
		if (!parse_timestamp(text, &microseconds))
			return mismatch(c, text);
		return value_of_integer(out, c, microseconds, text);
	case COLUMN_DECIMAL:
		if (!number_parse(&n, text, c->scale))
			return mismatch(c, text);
		return value_of_integer(out, c, n.rounded, text);
	default:
		if (!is_integer(text) || !number_parse(&n, text, 0))
			return mismatch(c, text);
		return value_of_integer(out, c, n.floor, text);
	}
}

int64_t value_signed(const struct column *c, uint64_t bits)
{
	return (int64_t)(bits - column_bias(c));
}

/* At least `width` digits. */
static amt_status print_digits(struct buf *out, uint128 v, unsigned width)
{
	char digits[40];
	unsigned at = sizeof(digits);
	while (v != 0 || at > sizeof(digits) - width) {
		digits[--at] = (char)('0' + (int)(v % 10));
		v /= 10;
	}
	return buf_put(out, digits + at, sizeof(digits) - at);
}

amt_status print_scaled(struct buf *out, bool negative, uint128 magnitude, unsigned scale)
{
	uint128 ten = (uint128)power_of_ten(scale);
	if (negative && magnitude != 0)
		TRY(buf_put_u8(out, '-'));
	TRY(print_digits(out, magnitude / ten, 1));
	if (scale == 0)
		return STATUS_OK;
	TRY(buf_put_u8(out, '.'));
	return print_digits(out, magnitude % ten, scale);
}

/* time: microseconds of the day and one more; 0: a date alone. */
static amt_status print_date(struct buf *out, int64_t days, int64_t time)
{
	int64_t year;
	unsigned month, day;
	date_of(days, &year, &month, &day);
	TRY(buf_printf(
		out, "%04lld-%02u-%02u", (long long)(year > 0 ? year : 1 - year), month, day));
	if (time-- > 0) {
		unsigned seconds = (unsigned)(time / MICROSECONDS),
			 fraction = (unsigned)(time % MICROSECONDS), width = 6;
		TRY(buf_printf(
			out, " %02u:%02u:%02u", seconds / 3600, seconds / 60 % 60, seconds % 60));
		for (; fraction != 0 && fraction % 10 == 0; fraction /= 10)
			width--;
		if (fraction != 0)
			TRY(buf_printf(out, ".%0*u", (int)width, fraction));
	}
	return year > 0 ? STATUS_OK : buf_printf(out, " BC");
}

amt_status value_print(struct buf *out, const struct column *c, const struct value *v)
{
	if (v->null)
		return STATUS_OK;
	if (c->type == COLUMN_TEXT)
		return buf_put(out, v->text.data, v->text.size);
	if (c->type == COLUMN_BOOL)
		return buf_put_u8(out, (v->bits & 1) != 0 ? 't' : 'f');
	if (!column_signed(c))
		return print_scaled(out, false, v->bits, 0);
	int64_t x = value_signed(c, v->bits);
	if (c->type == COLUMN_DATE)
		return print_date(out, x, 0);
	if (c->type == COLUMN_TIMESTAMP) {
		int64_t days = x / microseconds_a_day - (x % microseconds_a_day < 0);
		/* The least day may begin before the least timestamp. */
		return print_date(out, days, (int64_t)(x - (int128)days * microseconds_a_day) + 1);
	}
	return print_scaled(out, x < 0, x < 0 ? -(uint64_t)x : (uint64_t)x, c->scale);
}

amt_status value_check(const struct column *c, const struct value *v)
{
	if (v->null || !c->checked || (v->bits >= c->least && v->bits <= c->most))
		return STATUS_OK;
	struct buf text = {0};
	const struct value ends[] = {*v, {.bits = c->least}, {.bits = c->most}};
	amt_status s = STATUS_OK;
	for (unsigned i = 0; i < 3 && amt_ok(s); i++) {
		s = value_print(&text, c, &ends[i]);
		if (amt_ok(s) && i < 2)
			s = buf_printf(&text, i == 0 ? " is not between " : " and ");
	}
	if (amt_ok(s))
		s = ERROR(AMT_OUT_OF_RANGE, "new row violates the CHECK of column \"%s\": %.*s",
			c->name, (int)text.size, (const char *)text.data);
	buf_free(&text);
	return s;
}
