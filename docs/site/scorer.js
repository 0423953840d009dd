// The order of what a search of the site finds: Sphinx's own rules, then answers before explanations of how it is built.
var Scorer = {
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
  score: ([page, , , , score]) => {
    if (page === "howto") return score + 6;
    if (/^(decisions\/|internals|glossary|performance)/.test(page)) return score - 4;
    if (/^reference\//.test(page)) return score - 2;
    return score;
  },
};
