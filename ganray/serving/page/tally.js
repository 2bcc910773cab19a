// What votes say: counts, an exact sign test, and an exact interval.

/**
 * Votes "one", "other" or "equal", counted. Ties are left out of the test, as the sign test has it.
 *
 * `p_value`: two-sided, of a preference as lopsided as this or more if both were equally good.
 * `low`, `high`: Clopper-Pearson's 95 % interval of the share that prefers "one". All are null where nobody preferred either.
 */
export function tally(votes) {
  const count = (name) => votes.filter((vote) => vote === name).length;
  const counts = { one: count("one"), other: count("other"), equal: count("equal") };
  const decided = counts.one + counts.other;
  if (!decided) return { ...counts, decided, p_value: null, share: null, low: null, high: null };
  const fewer = Math.min(counts.one, counts.other);
  return {
    ...counts,
    decided,
    p_value: Math.min(1, 2 * atMost(fewer, decided, 0.5)),
    share: counts.one / decided,
    low: counts.one ? crossing((p) => 1 - atMost(counts.one - 1, decided, p) > 0.025) : 0,
    high: counts.other ? crossing((p) => atMost(counts.one, decided, p) < 0.025) : 1,
  };
}

/** P(X ≤ k) of a binomial. */
function atMost(k, n, p) {
  let chance = (1 - p) ** n;
  let sum = chance;
  for (let i = 1; i <= k; i++) sum += chance *= ((n - i + 1) / i) * (p / (1 - p));
  return sum;
}

/** Where `is` turns from false to true between 0 and 1. */
function crossing(is) {
  let [low, high] = [0, 1];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (is(middle)) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

/** Booleans for `rounds` rounds: whether "one" is A. As often as not, in an order nobody knows. */
export function orders(rounds) {
  const order = Array.from({ length: rounds }, (_, round) => round % 2 === 0);
  if (rounds % 2) order[rounds - 1] = Math.random() < 0.5;
  for (let i = rounds - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
