npx serve
