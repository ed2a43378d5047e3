/** Files that the bundler embeds as text: import … with { type: "text" }. */
declare module "*.cfg" {
  const text: string;
  export default text;
}
