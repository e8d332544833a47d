const end = "</file>";
// </file> is written by hand
out(`</file>`);
