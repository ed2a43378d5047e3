/** Answers every number with its square, which shows that messages work in both directions. */
addEventListener("message", ({ data }: MessageEvent<number>) => {
  postMessage(data * data);
});
