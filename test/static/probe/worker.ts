/** Answers every number with its square: enough to see that messages go both ways. */
addEventListener("message", ({ data }: MessageEvent<number>) => {
  postMessage(data * data);
});
