const help = `
```js
run()
```
`;
// ```
const fence = "```";
/*
```
*/
