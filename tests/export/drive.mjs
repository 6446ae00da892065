// Opens the page in headless Chromium, uses it, and prints what it saw as JSON.
// node drive.mjs NODE_MODULES CHROMIUM URL
import {createRequire} from "node:module";
const [modules, executablePath, url] = process.argv.slice(2);
const {chromium} = createRequire(modules + "/")("playwright-core");
const browser = await chromium.launch({
  executablePath,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
const page = await browser.newPage();
const errors = [], elsewhere = [];
page.on("pageerror", error => errors.push(String(error)));
page.on("request", request => { if (!request.url().startsWith(url)) elsewhere.push(request.url()); });
await page.goto(url);
await page.waitForFunction(() => document.body.dataset.ready === "true", null, {timeout: 60000});
const pixels = () => page.evaluate(() => {
  const canvas = document.getElementById("image");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return Array.from(data);
});
const drawn = () => page.evaluate(() => Number(document.getElementById("image").dataset.drawn));
async function after(change) {
  const before = await drawn();
  await change();
  await page.waitForFunction(n => Number(document.getElementById("image").dataset.drawn) > n, before);
  return pixels();
}
const set = (selector, value, event) => page.evaluate(([selector, value, event]) => {
  const input = document.querySelector(selector);
  input.value = value;
  input.dispatchEvent(new Event(event));
}, [selector, value, event]);
const seen = {seed7: await pixels()};
seen.unit = await after(() => set("#units input", 2, "input"));
seen.again = await after(() => set("#seed", 7, "change"));
seen.attributes = await page.evaluate(() => document.querySelectorAll("#attributes input").length);
if (seen.attributes) seen.attribute = await after(() => set("#attributes input", 1.5, "input"));
seen.mix = {};
for (const amount of [0, 0.5, 1]) seen.mix[amount] = await after(() => set("#mix", amount, "input"));
seen.fresh = await after(() => page.click("#new"));
seen.freshSeed = await page.inputValue("#seed");
seen.units = await page.evaluate(() => document.querySelectorAll("#units input").length);
await browser.close();
console.log(JSON.stringify({...seen, errors, elsewhere}));
