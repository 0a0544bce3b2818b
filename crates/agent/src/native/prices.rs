//! From tokens to money, in whole millionths of a dollar, rounded up per call.

use baton_core::domain::usage::{MicroDollars, Usage};

/// Prices per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceTable {
    /// Input at the full price.
    pub input: MicroDollars,
    /// Output, reasoning included.
    pub output: MicroDollars,
    /// Input read from the cache.
    pub cache_read: MicroDollars,
    /// Input written to the cache.
    pub cache_write: MicroDollars,
}

/// Tokens of one call as a provider counts them, the cached part not in `input`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write: u64,
    pub(crate) output: u64,
}

impl PriceTable {
    /// From dollars per million tokens, as price lists have them. A cache price that is not given is the input's.
    /// `None` when a price is negative, not finite or beyond reason.
    #[must_use]
    pub fn from_dollars(input: f64, output: f64, cache_read: Option<f64>, cache_write: Option<f64>) -> Option<Self> {
        let price = |dollars: f64| MicroDollars::from_dollars(dollars);
        Some(Self {
            input: price(input)?,
            output: price(output)?,
            cache_read: price(cache_read.unwrap_or(input))?,
            cache_write: price(cache_write.unwrap_or(input))?,
        })
    }

    fn cost(&self, tokens: Tokens) -> MicroDollars {
        let millionths: u128 = [
            (tokens.input, self.input),
            (tokens.output, self.output),
            (tokens.cache_read, self.cache_read),
            (tokens.cache_write, self.cache_write),
        ]
        .iter()
        .map(|(count, price)| u128::from(*count) * u128::from(price.0))
        .sum();
        MicroDollars(u64::try_from(millionths.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

impl Tokens {
    /// One call's usage.
    pub(crate) fn priced(self, prices: Option<&PriceTable>) -> Usage {
        Usage {
            calls: 1,
            input_tokens: self.input,
            cache_read_tokens: self.cache_read,
            cache_write_tokens: self.cache_write,
            output_tokens: self.output,
            cost: prices.map_or(MicroDollars(0), |prices| prices.cost(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_costs_what_the_price_list_says() {
        let prices = PriceTable::from_dollars(3.0, 15.0, Some(0.3), Some(3.75)).unwrap();
        let tokens = Tokens { input: 1_000, cache_read: 100_000, cache_write: 2_000, output: 500 };
        // 0.003 + 0.03 + 0.0075 + 0.0075 dollars
        assert_eq!(tokens.priced(Some(&prices)).cost, MicroDollars(48_000));
        let one = Tokens { cache_read: 1, ..Tokens::default() };
        assert_eq!(one.priced(Some(&prices)).cost, MicroDollars(1), "rounded up, never to nothing");
        assert_eq!(tokens.priced(None).cost, MicroDollars(0));
        let most = Tokens { input: u64::MAX, output: u64::MAX, ..Tokens::default() };
        assert_eq!(most.priced(PriceTable::from_dollars(1e6, 1e6, None, None).as_ref()).cost, MicroDollars(u64::MAX));
    }

    #[test]
    fn cached_input_without_a_price_costs_what_input_costs() {
        let prices = PriceTable::from_dollars(2.0, 8.0, None, None).unwrap();
        assert_eq!((prices.cache_read, prices.cache_write), (prices.input, prices.input));
        for wrong in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(PriceTable::from_dollars(wrong, 1.0, None, None), None);
            assert_eq!(PriceTable::from_dollars(1.0, 1.0, None, Some(wrong)), None);
        }
    }
}
