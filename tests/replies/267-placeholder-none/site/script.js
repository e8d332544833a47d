// other helpers
const all = [...first, ...rest];
function f(...args) {} // a spread
