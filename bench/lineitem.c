#include "lineitem.h"

#include <inttypes.h>

enum {
	FIRST_ORDER_DAY = 8035, /* 1992-01-01 */
	LAST_ORDER_DAY = 10440, /* 1998-12-31 less 151 days: 1998-08-02 */
	CURRENT_DAY = 9298	/* 1995-06-17 */
};

static uint64_t next(uint64_t *state) /* splitmix64 */
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static int between(uint64_t *state, int least, int most)
{
	return least + (int)(next(state) % (uint64_t)(most - least + 1));
}

void lineitem_make(struct lineitem *out, uint64_t row)
{
	uint64_t state = row * 0x2545f4914f6cdd1d + 1;
	int part = between(&state, 1, 200000);
	int64_t retail = 90000 + part / 10 % 20001 + 100 * (part % 1000);
	int ordered = between(&state, FIRST_ORDER_DAY, LAST_ORDER_DAY);
	out->quantity = between(&state, 1, 50);
	out->price_cents = out->quantity * retail;
	out->discount = between(&state, 0, 10);
	out->tax = between(&state, 0, 8);
	out->ship_day = ordered + between(&state, 1, 121);
	int received = out->ship_day + between(&state, 1, 30);
	out->returned = (char)(received > CURRENT_DAY ? 'N' : next(&state) % 2 == 0 ? 'R' : 'A');
	out->status = out->ship_day > CURRENT_DAY ? 'O' : 'F';
	uint64_t word = next(&state);
	out->c8 = (uint8_t)word;
	out->d8 = (uint8_t)(word >> 8);
	out->c16 = (uint16_t)(word >> 16);
	out->c32 = (uint32_t)(word >> 32);
	out->c64 = next(&state);
	out->tag = (uint32_t)(next(&state) % 100000);
}

/* Civil date from days, by eras of 400 years (Hinnant 2014). */
void day_text(int day, char out[48])
{
	int z = day + 719468, era = z / 146097, of_era = z - era * 146097;
	int years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * years + years / 4 - years / 100);
	int month = (5 * of_year + 2) / 153, date = of_year - (153 * month + 2) / 5 + 1;
	month = month < 10 ? month + 3 : month - 9;
	(void)snprintf(out, 48, "%04d-%02d-%02d", years + era * 400 + (month <= 2), month, date);
}

void lineitem_csv(FILE *out, uint64_t rows)
{
	fputs("c8,d8,c16,c32,c64,tag,l_quantity,l_extendedprice,l_discount,l_tax,l_returnflag,"
	      "l_linestatus,l_shipdate\n",
		out);
	for (uint64_t row = 0; row < rows; row++) {
		struct lineitem l;
		char day[48];
		lineitem_make(&l, row);
		day_text(l.ship_day, day);
		fprintf(out,
			"%u,%u,%u,%u,%" PRIu64 ",tag-%u,%d,%" PRId64 ".%02d,0.%02d,0.%02d,%c,%c,"
			"%s\n",
			l.c8, l.d8, l.c16, l.c32, l.c64, l.tag, l.quantity, l.price_cents / 100,
			(int)(l.price_cents % 100), l.discount, l.tax, l.returned, l.status, day);
	}
}
