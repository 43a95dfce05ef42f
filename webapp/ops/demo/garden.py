"""What Globex Garden sells: families of products that differ in their size or kind."""

from __future__ import annotations

from typing import Final

from webapp.ops.demo.catalogue import Family, families

FAMILIES: Final[tuple[Family, ...]] = families("""
Tomato seeds, {} | 2.95 | 4.50
  Moneymaker; San Marzano; Gardener's Delight; Black Krim; Brandywine; Tigerella; Costoluto; Sungold
  > Sow indoors from February to April, 5 mm deep. Plant out after the last frost.
Lettuce seeds, {} | 1.95 | 2.95
  Lollo Rossa; Little Gem; Batavia; Iceberg; Oak Leaf; Salad Bowl
Bean seeds, {} | 2.45 | 3.95
  Blue Lake; Borlotti; Scarlet Emperor; Cobra; Purple Teepee; broad, Aquadulce
Pea seeds, {} | 2.45 | 3.50
  Kelvedon Wonder; Hurst Green Shaft; sugar snap; mangetout
Carrot seeds, {} | 1.95 | 3.45
  Nantes; Autumn King; Chantenay; Rainbow; Parisian
  > Thin to 5 cm apart in the evening, when the carrot fly does not fly.
Squash seeds, {} | 2.95 | 4.50
  Butternut; Hokkaido; Patty Pan; Spaghetti; courgette, Defender
Herb seeds, {} | 1.95 | 3.45
  basil; parsley; coriander; dill; chives; thyme; oregano; sage; mint; rosemary
Sunflower seeds, {} | 1.95 | 2.95
  Russian Giant; Teddy Bear; Velvet Queen; Vanilla Ice
Wildflower mix, {} | 4.95 | 39.50
  5 m²; 20 m²; 100 m²; shade, 20 m²; for bees, 20 m²
  > Annuals and perennials of this region, no grass. Sow in April or September.
Lawn seed, {} | 8.95 | 54.50
  play, 1 kg; play, 5 kg; shade, 1 kg; shade, 5 kg; drought, 1 kg; drought, 5 kg; repair, 500 g
  > 35 g for each square metre. Keep moist for three weeks.
Tulip bulbs, {}, bag of 20 | 6.95 | 9.95
  Queen of Night; Apricot Beauty; Red Impression; White Triumphator; Ballerina; Parrot mix
  > Plant in November, three times as deep as the bulb is high.
Daffodil bulbs, {}, bag of 25 | 7.45 | 10.95
  King Alfred; Tête-à-tête; Ice Follies; Thalia
Crocus bulbs, {}, bag of 50 | 5.95 | 7.50
  blue; white; yellow; mixed
Allium bulbs, {}, bag of 10 | 6.95 | 19.50
  Purple Sensation; Mount Everest; Globemaster
Rose, {}, 3 l pot | 14.95 | 32.50
  climbing, Golden Gate; climbing, New Dawn; shrub, Gertrude; shrub, Ghislaine; tea, Peace; tea, Double Delight;
  ground cover, white; ground cover, pink; patio, orange
  > Two years old, grafted. Plant the union 5 cm below the ground.
Lavender, {} pot | 3.45 | 19.95
  0.5 l; 1 l; 2 l; 5 l
Hydrangea, {} | 16.95 | 34.50
  pink, 3 l pot; blue, 3 l pot; white, 3 l pot; Limelight, 5 l pot; Annabelle, 5 l pot
Boxwood ball, {} | 12.95 | 64.50
  20 cm; 25 cm; 30 cm; 40 cm
  > Cut once a year by hand. Free of blight when it left the nursery.
Hornbeam hedge, bare root, {} | 1.95 | 5.95
  60 to 80 cm; 80 to 100 cm; 100 to 125 cm; 125 to 150 cm
Yew, with root ball, {} | 9.95 | 69.00
  40 to 60 cm; 60 to 80 cm; 80 to 100 cm; 100 to 125 cm; 125 to 150 cm
Apple tree, {} | 29.95 | 79.00
  Boskoop, bush; Cox, bush; Elstar, bush; Gala, bush; Topaz, bush; Elstar, espalier; Topaz, espalier; Boskoop,
  half standard
  > Needs a neighbour that flowers at the same time; ask for the table.
Pear tree, {} | 29.95 | 69.00
  Conference, bush; Williams, bush; Concorde, bush; Conference, espalier
Berry bush, {}, 2 l pot | 9.95 | 16.50
  redcurrant; blackcurrant; whitecurrant; gooseberry, green; gooseberry, red; blueberry; raspberry, summer;
  raspberry, autumn; blackberry, thornless
Strawberry plants, {}, tray of 10 | 8.95 | 12.50
  Elsanta; Cambridge Favourite; everbearing; wild
Japanese maple, {} | 29.95 | 119.00
  Bloodgood, 3 l; Bloodgood, 10 l; Dissectum, 3 l; Orange Dream, 5 l; Sango-kaku, 10 l
Fern, {} | 5.95 | 89.00
  lady, 1 l; male, 1 l; ostrich, 2 l; hart's tongue, 1 l; tree fern, 40 cm
Ornamental grass, {}, 2 l pot | 7.95 | 14.50
  fountain; feather reed; Japanese blood; blue fescue; maiden; quaking
Clematis, {} | 12.95 | 24.50
  Nelly Moser; Jackmanii; Montana; Armandii
Potting compost, {} | 3.45 | 14.95
  10 l; 20 l; 40 l; 60 l; peat-free, 20 l; peat-free, 40 l
  > Sieved to 10 mm, with fertiliser for six weeks.
Seed compost, {} | 2.95 | 7.50
  5 l; 10 l; 20 l
Bark mulch, {} | 6.95 | 74.00
  50 l, fine; 50 l, coarse; 1 m³, fine; 1 m³, coarse
Organic fertiliser, {} | 6.45 | 39.95
  1 kg, universal; 5 kg, universal; 1 kg, tomatoes; 5 kg, tomatoes; 1 kg, roses; 5 kg, lawn; 10 kg, lawn; 1 l,
  liquid
Horn shavings, {} | 4.95 | 24.50
  1 kg; 2.5 kg; 10 kg
Terracotta pot, {} | 0.95 | 44.50
  9 cm; 11 cm; 13 cm; 15 cm; 18 cm; 21 cm; 25 cm; 30 cm; 35 cm; 40 cm; 50 cm
  > Fired at 1,000 °C; stands frost when it is raised from the ground.
Glazed pot, {} | 12.95 | 69.00
  blue, 20 cm; blue, 30 cm; blue, 40 cm; green, 20 cm; green, 30 cm; green, 40 cm; anthracite, 30 cm;
  anthracite, 40 cm
Saucer, {} | 0.95 | 7.95
  12 cm; 15 cm; 18 cm; 22 cm; 27 cm; 33 cm
Window box, {} | 4.95 | 32.50
  40 cm, terracotta; 60 cm, terracotta; 60 cm, white; 80 cm, white; 60 cm, with water store; 80 cm, with water
  store
Raised bed, larch, {} | 59.00 | 189.00
  80 × 80 cm; 120 × 80 cm; 160 × 80 cm; 200 × 100 cm
  > 27 mm planks, screws of stainless steel. Lining included.
Secateurs, {} | 14.95 | 54.50
  bypass, small; bypass, large; anvil; left-handed; ratchet
  > Each part can be had singly; sharpening at the counter on Saturdays.
Loppers, {} | 24.95 | 64.50
  45 cm; 65 cm; 80 cm, telescopic
Hedge shears, {} | 19.95 | 49.50
  wavy blade; straight blade; telescopic
Spade, {} | 24.95 | 59.00
  ash handle; fibreglass handle; border; drainage
Garden fork, {} | 24.95 | 56.50
  ash handle; fibreglass handle; border; potato
Rake, {} | 11.95 | 29.50
  10 teeth; 14 teeth; 16 teeth; leaf, 20 tines; leaf, adjustable; hay, wood
Hoe, {} | 14.95 | 27.50
  draw; Dutch; swoe; onion
Trowel, {} | 6.95 | 16.50
  standard; narrow; transplanting; stainless
Watering can, {} | 6.95 | 39.95
  1.5 l, indoor; 5 l, plastic; 10 l, plastic; 5 l, zinc; 9 l, zinc
  > With a rose; the spout can be turned.
Garden hose, {} | 14.95 | 89.00
  1/2 in, 15 m; 1/2 in, 25 m; 1/2 in, 50 m; 3/4 in, 25 m; 3/4 in, 50 m; expanding, 15 m
Hose connector, {} | 2.45 | 8.95
  1/2 in; 3/4 in; with stop, 1/2 in; with stop, 3/4 in; tap, 3/4 in; Y-piece
Drip irrigation set, {} | 29.95 | 99.00
  balcony, 10 pots; bed, 20 m; hedge, 50 m; greenhouse
Rain barrel, {} | 34.95 | 129.00
  100 l; 200 l; 300 l; 510 l
Composter, {} | 39.95 | 149.00
  280 l; 400 l; 600 l; tumbling, 200 l; larch, 700 l
Bamboo canes, {}, bundle of 25 | 3.95 | 18.50
  60 cm; 90 cm; 120 cm; 150 cm; 180 cm; 210 cm
Garden twine, {} | 2.45 | 8.95
  jute, 50 m; jute, 150 m; sisal, 100 m; soft tie, 10 m
Fleece, {} | 4.95 | 19.50
  1.5 × 5 m; 1.5 × 10 m; 2 × 20 m; hood, pack of 3
Insect net, {} | 11.95 | 44.50
  2 × 5 m; 2 × 10 m; 4 × 10 m
Slug trap, {} | 4.95 | 14.95
  single; pack of 3; copper tape, 5 m; wool pellets, 3.5 l
Nest box, {} | 14.95 | 39.50
  26 mm hole; 28 mm hole; 32 mm hole; half open; swift; bat
  > Larch, untreated. Hang it 2 to 3 m high, facing east.
Bird food, {} | 4.95 | 29.95
  sunflower hearts, 1 kg; sunflower hearts, 5 kg; peanuts, 1 kg; fat balls, 30; mixed, 2.5 kg; mixed, 10 kg
Gardening gloves, {} | 4.95 | 24.50
  size 6; size 7; size 8; size 9; size 10; thorn-proof, size 8; thorn-proof, size 10
Kneeling mat, {} | 6.95 | 39.95
  foam; gel; with frame
Wheelbarrow, {} | 69.00 | 169.00
  80 l, galvanised; 100 l, plastic; 160 l, two wheels
Greenhouse, {} | 49.00 | 1290.00
  balcony, 4 shelves; 1.9 × 1.3 m; 1.9 × 2.5 m; 2.5 × 3.1 m
  > Polycarbonate of 6 mm, aluminium frame. Delivered to the kerb.
Parasol, {} | 49.00 | 289.00
  2 m, natural; 2.7 m, natural; 2.7 m, green; 3 m, cantilever
Bistro set, {} | 129.00 | 149.00
  sage green; black; white
Solar light, {} | 14.95 | 39.50
  path, pack of 4; path, pack of 8; lantern; string, 10 m
Houseplant, {} | 6.95 | 64.50
  monstera, 40 cm; monstera, 80 cm; rubber plant, 60 cm; peace lily; snake plant; spider plant; pothos;
  fiddle-leaf fig, 90 cm; aloe; jade
  > Tell us where it will stand: most of them die of too much water.
Cactus, {} | 4.50 | 29.95
  8 cm; 12 cm; 17 cm; mixed bowl
Orchid, {} | 9.95 | 24.50
  one stem, white; two stems, white; two stems, pink; miniature
Moss pole, {} | 5.95 | 17.50
  40 cm; 60 cm; 90 cm; 120 cm
Onion sets, {} | 2.45 | 3.95
  yellow, 250 g; red, 250 g; white, 250 g; shallots, 500 g
Seed potatoes, {} | 4.95 | 9.95
  Charlotte, 2 kg; Nicola, 2 kg; Desiree, 2 kg; Linda, 2 kg; Blue Danube, 2 kg
  > Let them sprout in the light at 12 °C; plant from the middle of April.
Geranium, {}, 12 cm pot | 3.45 | 4.95
  red; pink; white; salmon; hanging, red; hanging, white
Dahlia tuber, {} | 4.45 | 7.95
  Bishop of Llandaff; Café au Lait; Thomas Edison; pompon mix; cactus mix
Olive tree, {} | 24.95 | 249.00
  60 cm; 90 cm; 120 cm; 160 cm
Citrus tree, {} | 34.95 | 59.00
  lemon; lime; orange; kumquat
Propagator, {} | 9.95 | 59.00
  24 cells; 60 cells; with heat, 24 cells; with heat, 60 cells
Plant labels, {} | 2.45 | 8.95
  plastic, pack of 50; bamboo, pack of 20; slate, pack of 10; copper, pack of 10
Garden gravel, {} | 5.95 | 189.00
  white, 20 kg; grey, 20 kg; white, 1 t; grey, 1 t
Edging, {} | 9.95 | 44.50
  plastic, 5 m; steel, 1 m; willow, 1 m; larch, 2 m
""")
