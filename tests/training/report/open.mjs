// Opens a page in headless Chromium at several widths and prints what it saw as JSON.
// node open.mjs NODE_MODULES CHROMIUM URL WIDTH...
import {createRequire} from "node:module";
const [modules, executablePath, url, ...widths] = process.argv.slice(2);
const {chromium} = createRequire(modules + "/")("playwright-core");
const browser = await chromium.launch({
  executablePath,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
const errors = [], requests = [];
const seen = {widths: {}};
for (const width of widths) {
  const page = await browser.newPage({viewport: {width: Number(width), height: 900}});
  page.on("pageerror", error => errors.push(String(error)));
  page.on("console", message => errors.push(message.text()));
  page.on("requestfailed", request => errors.push(`failed: ${request.url().slice(0, 80)}`));
  page.on("request", request => {
    if (!request.url().startsWith("data:")) requests.push(request.url());
  });
  await page.goto(url);
  seen.widths[width] = await page.evaluate(() => document.documentElement.scrollWidth);
  Object.assign(seen, await page.evaluate(async () => {
    document.querySelectorAll("details").forEach(item => { item.open = true; });
    const images = [...document.images];
    await Promise.all(images.map(image => image.decode()));
    return {
      images: images.map(image => ({width: image.naturalWidth, shown: image.clientWidth, alt: image.alt})),
      headings: [...document.querySelectorAll("h2")].map(item => item.textContent),
      bold: document.querySelectorAll("b, script").length,
      links: [...document.querySelectorAll("a")].every(
        link => document.querySelector(link.getAttribute("href"))),
      broken: [...document.querySelectorAll(".of3 td:not(:last-child), .of4 td:not(:last-child)")].filter(cell => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return range.getClientRects().length > 1;
      }).map(cell => cell.textContent),
      title: document.title,
      text: document.body.textContent,
    };
  }));
  await page.close();
}
await browser.close();
console.log(JSON.stringify({...seen, errors, requests}));
