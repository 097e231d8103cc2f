#include "query/number.h"

static bool is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct span span_trim(struct span text)
{
	while (text.size > 0 && is_blank(text.data[0])) {
		text.data++;
		text.size--;
	}
	while (text.size > 0 && is_blank(text.data[text.size - 1]))
		text.size--;
	return text;
}

bool span_is_word(struct span text, const char *word)
{
	if (text.size != strlen(word))
		return false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c + 'a' - 'A');
		if (c != (uint8_t)word[i])
			return false;
	}
	return true;
}

bool utf8_valid(struct span text)
{
	for (size_t i = 0; i < text.size;) {
		uint8_t lead = text.data[i];
		unsigned more = 0;
		uint32_t code = lead, least = 1;
		if (lead >= 0xf0 && lead < 0xf8) {
			more = 3;
			code = lead & 7u;
			least = 0x10000;
		} else if (lead >= 0xe0) {
			more = 2;
			code = lead & 15u;
			least = 0x800;
		} else if (lead >= 0xc0) {
			more = 1;
			code = lead & 31u;
			least = 0x80;
		}
		if (lead >= 0xf8 || (lead >= 0x80 && lead < 0xc0) || more >= text.size - i)
			return false;
		for (unsigned k = 1; k <= more; k++) {
			if ((text.data[i + k] & 0xc0) != 0x80)
				return false;
			code = code << 6 | (text.data[i + k] & 63u);
		}
		if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
			return false;
		i += more + 1;
	}
	return true;
}

static bool is_digit(const uint8_t *at, const uint8_t *end)
{
	return at < end && *at >= '0' && *at <= '9';
}

/* The exponent after e; clamped: 2^20 is beyond any statement's digits. */
static bool parse_exponent(const uint8_t **at, const uint8_t *end, int64_t *out)
{
	const uint8_t *p = *at + 1;
	bool negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (!is_digit(p, end))
		return false;
	int64_t e = 0;
	for (; is_digit(p, end); p++)
		e = e < INT32_MAX ? e * 10 + (*p - '0') : e;
	*out = negative ? -e : e;
	*at = p;
	return true;
}

bool number_parse(struct number *out, struct span text, unsigned scale)
{
	text = span_trim(text);
	const uint8_t *p = text.data, *end = text.data + text.size;
	bool negative = text.size > 0 && *p == '-';
	if (text.size > 0 && (*p == '-' || *p == '+'))
		p++;
	const uint8_t *first = p;
	while (is_digit(p, end))
		p++;
	int64_t whole = p - first, digits = whole;
	if (p < end && *p == '.') {
		p++;
		while (is_digit(p, end))
			p++;
		digits = p - first - 1;
	}
	if (digits == 0)
		return false;
	int64_t exponent = 0;
	if (p < end && (*p == 'e' || *p == 'E') && !parse_exponent(&p, end, &exponent))
		return false;
	if (p != end)
		return false;

	/* The first `kept` digits are the integer part of x * 10^scale. */
	int64_t kept = whole + exponent + scale;
	int128 v = 0;
	bool exact = true, half = false;
	for (int64_t i = 0; i < digits; i++) {
		unsigned d = first[i + (i >= whole)] - '0';
		if (i < kept) {
			v = v < NUMBER_LIMIT ? v * 10 + d : v;
		} else {
			exact &= d == 0;
			half |= i == kept && d >= 5;
		}
	}
	for (int64_t i = digits; i < kept && v != 0 && v < NUMBER_LIMIT; i++)
		v *= 10;
	if (v >= NUMBER_LIMIT) {
		v = NUMBER_LIMIT;
		exact = true;
		half = false;
	}
	out->exact = exact;
	out->floor = negative ? -v - !exact : v;
	out->rounded = negative ? -(v + half) : v + half;
	return true;
}
