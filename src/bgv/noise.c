/* Variances of coefficients, averaged over noise and rounding for a typical secret (Costache, Curtis,
 * Hales, Murphy, Ogilvie, Player 2022 for CKKS; Costache, Nuernberger, Player, CT-RSA 2023 for BGV).
 * A coefficient of a product of polynomials is a sum of N products of coefficients, so for
 * independent factors the variance is N V V'. Three things make it larger:
 *
 * - Powers. Rounding leaves r s; a product of two has s^2, and if the operands are one ciphertext
 *   r^2. In the canonical embedding |s|^2 is nearly exponential, whose k-th moment is k!, so a
 *   product of terms with x^a and x^b has binomial(a + b, a) times the variance; once for the
 *   secret, once for the randomness, as operands may be the same.
 * - Rare large values. A few points where |s| or |r| is large carry much of s^2 r^2: a ciphertext's
 *   own deviation varies, and its tail is not Gaussian all the way. At N = 8192 and |s|^2 nine times
 *   its mean at the largest of the 4096 points (the usual), 2^-128 is 0.1 bits further out than for
 *   a Gaussian; with sixteen times (one key in 2000) 0.3 bits. A quarter of a bit for each power of
 *   the secret and a tenth for each factor beyond the first cover both.
 * - Secrets of more than average weight: 0.7 N in place of 2 N / 3 coefficients that are not 0,
 *   more than five deviations.
 */
#include "bgv/inside.h"

#include <math.h>

/* Sums of N products of Gaussians, with no secret in them, have a tail that is larger by a factor of
 * exp(13.5^4 / 4 N): 1.4 bits at N = 8192. */
static const double failure_limit_log2 = -128, tail_bits = 2;
static const double spread_log2 = 0.25, factor_log2 = 0.1, expand_log2 = 0.5;
/* The variance of e: TUniform of bound 2^3. */
static const double fresh_variance = 21.5;
/* Of m, whatever it is. */
static const double message_variance = 0.25;
/* Below the rounding of a switch by so much (log2 of the deviation), a term's power of the secret
 * does not matter to the next product. */
static const double negligible_log2 = -3;

static double size_of(const struct bgv_params *p)
{
	return exp2(p->log2n);
}
static double weight(const struct bgv_params *p)
{
	return 0.7 * size_of(p);
}
static double variance(struct bgv_noise a)
{
	return exp2(2 * a.log2_deviation);
}
static double deviation_of(double v)
{
	return 0.5 * log2(v);
}
static double greater(double a, double b)
{
	return a > b ? a : b;
}

/* Dividing by a modulus with multiples of t: t times a uniform rounding in every part, the second
 * times s, the third times s^2: variance 2 h^2, and as much again for its rare large values. */
static double rounding(const struct bgv_params *p, unsigned parts)
{
	double h = weight(p), t = BGV_T, of_parts[] = {0, 1, 1 + h, 1 + h + 4 * h * h};
	return t * t / 12 * of_parts[parts];
}

struct bgv_noise bgv_noise_fresh(const struct bgv_params *p)
{
	(void)p;
	return (struct bgv_noise){
		log2(BGV_T) + deviation_of(fresh_variance + message_variance), 0, 0, 1};
}

/* The power of the terms that count; no worst coefficient is further from the sum's deviation than
 * from its own term's. */
static struct bgv_noise with_sum(double log2_deviation, struct bgv_noise a, struct bgv_noise b)
{
	struct bgv_noise sum = {log2_deviation, greater(a.log2_peak, b.log2_peak), 0, 0};
	if (a.log2_deviation > log2_deviation + negligible_log2) {
		sum.power = a.power;
		sum.degree = a.degree;
	}
	if (b.log2_deviation > log2_deviation + negligible_log2) {
		sum.power = greater(sum.power, b.power);
		sum.degree = greater(sum.degree, b.degree);
	}
	return sum;
}

struct bgv_noise bgv_noise_add(struct bgv_noise a, struct bgv_noise b)
{
	double v = variance(a) + variance(b);
	return v == 0 ? a : with_sum(deviation_of(v), a, b);
}

struct bgv_noise bgv_noise_add_dependent(struct bgv_noise a, struct bgv_noise b)
{
	double sum = exp2(a.log2_deviation) + exp2(b.log2_deviation);
	return sum == 0 ? a : with_sum(log2(sum), a, b);
}

struct bgv_noise bgv_noise_scale(struct bgv_noise a, double factor)
{
	a.log2_deviation += log2(fabs(factor));
	return a;
}

/* One coefficient moves by at most t: nothing beside the fresh noise of all of them, but a deviation
 * that must cover it. */
struct bgv_noise bgv_noise_shift(struct bgv_noise a, double constant)
{
	struct bgv_noise moved = {log2(fabs(constant)), 0, 0, 0};
	return constant == 0 ? a : bgv_noise_add(a, moved);
}

static double binomial(double a, double b)
{
	return tgamma(a + b + 1) / (tgamma(a + 1) * tgamma(b + 1));
}

static struct bgv_noise product(
	const struct bgv_params *p, struct bgv_noise a, struct bgv_noise b, double factor)
{
	double power = a.power + b.power, degree = a.degree + b.degree;
	double spread = spread_log2 * power + factor_log2 * (degree - 1);
	double v = factor * binomial(a.power, b.power) * size_of(p);
	return (struct bgv_noise){a.log2_deviation + b.log2_deviation + deviation_of(v) + spread,
		/* A flat factor spreads the peaks of the other. */
		a.log2_peak < b.log2_peak ? a.log2_peak : b.log2_peak, power, degree};
}

struct bgv_noise bgv_noise_mul(const struct bgv_params *p, struct bgv_noise a, struct bgv_noise b)
{
	return product(p, a, b, binomial(a.degree, b.degree));
}

struct bgv_noise bgv_noise_mul_fresh(const struct bgv_params *p, struct bgv_noise a)
{
	return product(p, a, bgv_noise_fresh(p), 1);
}

struct bgv_noise bgv_noise_mul_plain(const struct bgv_params *p, struct bgv_noise a)
{
	struct bgv_noise plain = {log2(BGV_T) - deviation_of(12), 0, 0, 0};
	return product(p, a, plain, 1);
}

/* Hybrid key switching: a digit is uniform in (-q_i/2, q_i/2), times t e of its key, all of it
 * divided by the special prime with rounding. */
static double switching(const struct bgv_params *p, unsigned limbs)
{
	double sum = 0, t = BGV_T;
	for (unsigned i = 0; i < limbs; i++)
		sum += exp2(2 * (log2((double)p->q[i]) - log2((double)p->p)));
	return t * t * fresh_variance * size_of(p) * sum / 12 + rounding(p, 2);
}

static struct bgv_noise add_rounding(struct bgv_noise a, double v, double power)
{
	return bgv_noise_add(a, (struct bgv_noise){deviation_of(v), 0, power, 1});
}

struct bgv_noise bgv_noise_key_switch(
	const struct bgv_params *p, unsigned limbs, struct bgv_noise a)
{
	return add_rounding(a, switching(p, limbs), 1);
}

struct bgv_noise bgv_noise_mod_switch_parts(
	const struct bgv_params *p, unsigned limbs, unsigned parts, struct bgv_noise a)
{
	a.log2_deviation -= log2((double)p->q[limbs - 1]);
	return add_rounding(a, rounding(p, parts), parts - 1);
}

struct bgv_noise bgv_noise_mod_switch(
	const struct bgv_params *p, unsigned limbs, struct bgv_noise a)
{
	return bgv_noise_mod_switch_parts(p, limbs, 2, a);
}

/* A level takes w to w + s(w) or X^-h (w - s(w)), s: X -> X^(N/h + 1), and adds the noise of a key
 * switch. s fixes the coefficients whose index is a multiple of h up to a sign, plus for half of them:
 * those double and the others vanish, which doubles the mean of the squares. The rest is combined in
 * pairs, with the same effect. So the mean doubles each level, and the worst coefficient's square is
 * multiplied by 4. A depth of bgv/expand.c is two levels, with the noise of three switches. In the end
 * one coefficient in `count` holds half of it; so few (32 at N = 8192) differ by some tenths of a bit,
 * and products with them have longer tails (half a bit at 2^-128), hence expand_log2. */
struct bgv_noise bgv_noise_expand(const struct bgv_params *p, unsigned limbs, unsigned count)
{
	double mean = variance(bgv_noise_fresh(p)), worst = mean, each = switching(p, limbs);
	for (unsigned n = 1; n < count; n *= 4) {
		mean = 4 * mean + 3 * each;
		worst = 16 * worst + 5 * each;
	}
	double deviation = deviation_of(mean) + (count > 1 ? expand_log2 : 0);
	double peak = greater(deviation_of(worst) - deviation, 0);
	return (struct bgv_noise){deviation, peak, count > 1, 1};
}

/* log2 erfc(x): the asymptotic series where erfc itself leaves the normal range. */
static double erfc_log2(double x)
{
	if (x < 20)
		return log2(erfc(x));
	double y = 1 / (2 * x * x);
	return -x * x * M_LOG2E - log2(x * sqrt(M_PI)) + log2(1 - y + 3 * y * y);
}

/* That any of N coefficients is `deviations` off. */
static double failure(const struct bgv_params *p, double deviations)
{
	double bits = erfc_log2(deviations / M_SQRT2) + p->log2n + tail_bits;
	return bits < 0 ? bits : 0;
}

/* log2 of the deviations between a's worst coefficient and 2^half_log2. */
static double distance(double half_log2, struct bgv_noise a)
{
	return half_log2 - a.log2_deviation - a.log2_peak;
}

static double half_of(const struct bgv_params *p, unsigned limbs)
{
	double q = 0;
	for (unsigned i = 0; i < limbs; i++)
		q += log2((double)p->q[i]);
	return q - 1;
}

double bgv_noise_failure_log2(const struct bgv_params *p, unsigned limbs, struct bgv_noise a)
{
	return failure(p, exp2(distance(half_of(p, limbs), a)));
}

double bgv_noise_margin(const struct bgv_params *p, unsigned limbs, struct bgv_noise a)
{
	double low = 0, high = 10; /* log2 of the deviations that fit */
	for (int i = 0; i < 50; i++) {
		double middle = (low + high) / 2;
		if (failure(p, exp2(middle)) <= failure_limit_log2)
			high = middle;
		else
			low = middle;
	}
	return distance(half_of(p, limbs), a) - high;
}

bool bgv_noise_fits(const struct bgv_params *p, unsigned limbs, struct bgv_noise a)
{
	return bgv_noise_failure_log2(p, limbs, a) <= failure_limit_log2;
}

double bgv_noise_answer_failure_log2(const struct bgv_params *p, struct bgv_noise a)
{
	/* The first switch must not have failed either: modulo q_0 there is more room. */
	a.log2_deviation += BGV_ANSWER_BITS - log2((double)p->q[0]);
	a = add_rounding(a, rounding(p, 2), 1);
	return failure(p, exp2(distance(BGV_ANSWER_BITS - 1, a)));
}

bool bgv_noise_answer_fits(const struct bgv_params *p, struct bgv_noise a)
{
	return bgv_noise_answer_failure_log2(p, a) <= failure_limit_log2;
}
