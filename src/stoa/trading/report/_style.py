"""How the page looks."""

STYLE = """
:root{color-scheme:light dark;--paper:#fbfaf8;--card:#fff;--ink:#1d2129;--soft:#667085;--line:#e4e2dd;--grid:#ecebe6;
--main:#3152c9;--under:#3152c91f;--gain:#157f52;--loss:#c0372f;--fall:#c0372f26;--buy:#1f6feb;--sell:#b45309;--range:#8a93a6;
--note:#fff7e0;--edge:#e6c55c}
@media(prefers-color-scheme:dark){:root{--paper:#12151b;--card:#191d25;--ink:#e7e9ee;--soft:#98a1b3;--line:#2b313c;
--grid:#262c36;--main:#8aa4ff;--under:#8aa4ff24;--gain:#4cc38a;--loss:#ff7b72;--fall:#ff7b722b;--buy:#6cb0ff;--sell:#ffab5e;
--range:#7c879b;--note:#2c2611;--edge:#7d6a24}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:70rem;margin:0 auto;padding:2.5rem 1.25rem 3rem}
h1{font-size:2rem;line-height:1.2;margin:.1rem 0 .3rem;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:0 0 .35rem}
p{margin:0 0 .6rem}
header .kind{color:var(--main);font-weight:600;font-size:.85rem;letter-spacing:.04em;margin:0}
header .about,.note,.legend,footer{color:var(--soft)}
.note,.legend,footer{font-size:.875rem}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.25rem 1.2rem;margin-top:1.1rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.75rem;margin:1.4rem 0 1.1rem}
.tiles>div{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:.8rem 1rem}
.tiles dt{color:var(--soft);font-size:.85rem}
.tiles dd{margin:0;font-size:1.45rem;font-weight:650;font-variant-numeric:tabular-nums;white-space:nowrap}
.tiles dd.note{font-size:.78rem;font-weight:400;white-space:normal;line-height:1.35}
.gained dd:not(.note),td.gained{color:var(--gain)}
.lost dd:not(.note),td.lost{color:var(--loss)}
.band,.sure{border-radius:12px;padding:.8rem 1.1rem;border:1px solid var(--line);font-size:.95rem}
.band{background:var(--note);border-color:var(--edge)}
.sure{color:var(--soft)}
.picture{position:relative;height:21rem;margin:.7rem 4.6rem 1.9rem 0}
.picture.drawdown{height:12rem}
.picture svg{display:block;width:100%;height:100%;overflow:visible}
.picture path{fill:none;vector-effect:non-scaling-stroke;stroke-width:1.5;stroke-linejoin:round}
.picture .grid{stroke:var(--grid);stroke-width:1}
.rises span,.days span{position:absolute;color:var(--soft);font-size:.75rem;font-variant-numeric:tabular-nums;white-space:nowrap}
.rises span{left:calc(100% + .5rem);transform:translateY(-50%)}
.days span{top:calc(100% + .35rem);transform:translateX(-50%)}
.picture .equity{stroke:var(--main);stroke-width:1.75}
.picture .under{fill:var(--under)}
.picture .balance{stroke:var(--soft);stroke-width:1;opacity:.75}
.picture .base{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 4}
.picture .better{stroke:var(--gain);stroke-dasharray:5 3}
.picture .fallen{fill:var(--fall)}
.picture .fall{stroke:var(--loss);stroke-width:1.25}
.picture .worst{stroke:var(--loss);stroke-width:8;stroke-linecap:round}
.picture .range{stroke:var(--range);stroke-width:1.5}
.picture .wick{stroke:var(--range);stroke-width:1}
.picture .body.up{fill:var(--card);stroke:var(--range);stroke-width:1}
.picture .body.down{fill:var(--range);stroke:var(--range);stroke-width:1}
.picture .held{stroke-width:1.5}
.picture .won{stroke:var(--gain)}
.picture .lost{stroke:var(--loss)}
.picture .left{stroke:var(--ink);stroke-width:3.5;stroke-linecap:round}
.picture .buy{stroke:var(--buy);stroke-width:6.5;stroke-linecap:round}
.picture .sell{stroke:var(--sell);stroke-width:6;stroke-linecap:square}
.picture .buy.many{stroke-width:3.5}
.picture .sell.many{stroke-width:3}
.picture .left.many{stroke-width:2}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:0}
.key::before{content:"";display:inline-block;width:1.1rem;height:0;border-top:2px solid var(--soft);margin-right:.4rem;vertical-align:middle}
.key.equity::before{border-color:var(--main)}
.key.base::before{border-top-style:dotted}
.key.balance::before{border-top-width:1px}
.key.better::before{border-color:var(--gain);border-top-style:dashed}
.key.won::before{border-color:var(--gain)}
.key.lost::before{border-color:var(--loss)}
.key.buy::before,.key.sell::before,.key.left::before{width:.6rem;height:.6rem;border:0;background:var(--buy);border-radius:50%}
.key.sell::before{background:var(--sell);border-radius:0}
.key.left::before{background:var(--ink);width:.4rem;height:.4rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
caption{text-align:left;font-weight:600;color:var(--main);padding:1rem 0 .3rem}
th,td{text-align:left;padding:.4rem .75rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:top;font-weight:400}
thead th{color:var(--soft);font-size:.8rem;white-space:nowrap}
tbody tr:last-child>*{border-bottom:0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.metrics th{width:14rem;font-weight:550}
.metrics .n{width:9.5rem;padding-right:1.5rem}
.metrics .about{color:var(--soft);font-size:.84rem}
.metrics small{display:block;color:var(--gain)}
.months{table-layout:fixed;min-width:44rem}
.months td,.months th{padding:.45rem .5rem;text-align:right}
.months tbody th{font-weight:600}
.months .gain{background:color-mix(in srgb,var(--gain) calc(var(--heat)*38%),transparent)}
.months .loss{background:color-mix(in srgb,var(--loss) calc(var(--heat)*38%),transparent)}
.months .none{color:var(--soft)}
.months .whole{font-weight:650}
.trades td,.trades th{padding-right:1rem}
.at{white-space:nowrap;font-variant-numeric:tabular-nums}
.side{font-weight:600;font-size:.8rem}
.side.buy{color:var(--buy)}
.side.sell{color:var(--sell)}
.said{color:var(--soft);white-space:nowrap}
.terms{max-width:30rem}
.terms .n{white-space:normal}
.scrolled{overflow:auto;max-height:34rem}
.trades thead th{position:sticky;top:0;background:var(--card)}
footer{margin-top:1.4rem}
@media(max-width:40rem){main{padding:1.4rem .8rem 2rem}h1{font-size:1.5rem}section{padding:.9rem .9rem 1rem}
.tiles{grid-template-columns:1fr 1fr;gap:.6rem}.tiles dd{font-size:1.2rem}.tiles>div{padding:.65rem .8rem}
.picture .buy{stroke-width:4.5}.picture .sell{stroke-width:4}.picture .left{stroke-width:2.5}
.picture{height:14rem;margin-right:3.6rem}.picture.drawdown{height:9rem}.rises span,.days span{font-size:.68rem}
.days span:nth-child(even){display:none}
.metrics tr{display:grid;grid-template-columns:1fr auto;padding:.45rem 0;border-bottom:1px solid var(--line)}
.metrics th,.metrics td{border:0;padding:0;width:auto}.metrics .n{width:auto;padding:0}.metrics .about{grid-column:1/-1}}
@media print{section{break-inside:avoid}.scrolled{max-height:none;overflow:visible}}
"""
