const help = `
```js
run()
```
`;
