let a;
~~~
let b;
