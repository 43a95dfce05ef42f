"""What Acme Hardware sells: families of products that differ in their size."""

from __future__ import annotations

from typing import Final

from webapp.ops.demo.catalogue import Family, families

FAMILIES: Final[tuple[Family, ...]] = families("""
Claw hammer {}, hickory handle | 14.90 | 29.50
  300 g; 450 g; 560 g; 680 g
  > Forged head, polished face. The handle can be replaced without a press.
Ball-pein hammer {} | 9.95 | 22.50
  200 g; 300 g; 500 g; 800 g
  > For metalwork: the round end spreads a rivet, the flat one drives a punch.
Rubber mallet {} | 6.95 | 15.90
  350 g; 550 g; 900 g
Hand saw {} | 15.95 | 24.50
  350 mm, 11 teeth per inch; 450 mm, 9 teeth per inch; 550 mm, 7 teeth per inch
  > Hardened teeth, cuts on both strokes. Cannot be sharpened.
Hacksaw blade {}, pack of 10 | 8.50 | 11.95
  18 teeth per inch; 24 teeth per inch; 32 teeth per inch
Wood chisel {} | 8.95 | 19.50
  6 mm; 10 mm; 12 mm; 16 mm; 20 mm; 25 mm; 32 mm; 40 mm
  > Chrome vanadium blade, striking cap. Sold with a plastic guard.
Screwdriver {}, slotted | 4.50 | 9.95
  3 × 75 mm; 4 × 100 mm; 5.5 × 125 mm; 6.5 × 150 mm; 8 × 175 mm
Screwdriver {} | 4.95 | 10.50
  PH0 × 60 mm; PH1 × 80 mm; PH2 × 100 mm; PH3 × 150 mm; PZ1 × 80 mm; PZ2 × 100 mm; PZ3 × 150 mm; TX10; TX15;
  TX20; TX25; TX30
  > Soft grip, magnetic tip, laser-etched size on the handle.
Combination pliers {} | 13.95 | 21.50
  160 mm; 180 mm; 200 mm
Water pump pliers {} | 18.95 | 44.50
  180 mm; 250 mm; 300 mm; 400 mm
  > Box joint, self-locking on pipes and nuts.
Adjustable spanner {} | 12.50 | 32.95
  150 mm; 200 mm; 250 mm; 300 mm
Combination spanner {} | 3.45 | 24.95
  6 mm; 7 mm; 8 mm; 9 mm; 10 mm; 11 mm; 12 mm; 13 mm; 14 mm; 15 mm; 16 mm; 17 mm; 18 mm; 19 mm; 21 mm; 22 mm; 24
  mm; 27 mm; 30 mm; 32 mm
  > Ring and open end, 15° offset, matt chrome.
Hex key set, {} | 9.95 | 24.50
  1.5 to 10 mm, 9 pieces; 1/16 to 3/8 in, 9 pieces; with ball end, 9 pieces; TX10 to TX50, 9 pieces
Tape measure {} | 4.95 | 16.50
  3 m; 5 m; 8 m; 10 m
  > Nylon-coated steel, class II accuracy, magnetic hook from 5 m on.
Spirit level {} | 17.95 | 64.50
  400 mm; 600 mm; 800 mm; 1000 mm; 1200 mm; 1800 mm
  > Milled measuring face, 0.5 mm per metre in both positions.
Folding rule {} | 4.50 | 7.95
  1 m; 2 m
Cordless drill {} | 79.00 | 219.00
  12 V, one battery; 12 V, two batteries; 18 V, bare; 18 V, two batteries; 18 V with impact, two batteries
  > Brushless motor, two gears, metal chuck of 13 mm. Charger included unless bare.
Angle grinder {} | 49.00 | 149.00
  115 mm, 720 W; 125 mm, 900 W; 125 mm, 1400 W; 230 mm, 2200 W
Jigsaw {} | 59.00 | 129.00
  500 W; 650 W; 750 W, pendulum action
Random orbit sander {} | 79.00 | 139.00
  125 mm; 150 mm
  > Dust box with filter; fits a hose of 35 mm.
Heat gun {} | 34.50 | 69.95
  1600 W; 2000 W, variable
Twist drill {}, HSS, ground | 1.45 | 14.95
  1 mm; 1.5 mm; 2 mm; 2.5 mm; 3 mm; 3.2 mm; 3.5 mm; 4 mm; 4.2 mm; 4.5 mm; 5 mm; 5.5 mm; 6 mm; 6.5 mm; 7 mm; 8
  mm; 9 mm; 10 mm; 12 mm; 13 mm
Masonry drill {} | 2.45 | 11.50
  4 mm; 5 mm; 6 mm; 7 mm; 8 mm; 10 mm; 12 mm; 14 mm; 16 mm
SDS-plus drill {} | 4.45 | 19.95
  5 × 110 mm; 6 × 110 mm; 6 × 160 mm; 8 × 160 mm; 10 × 160 mm; 10 × 260 mm; 12 × 260 mm; 14 × 260 mm; 16 × 310
  mm
  > Four cutting edges of carbide, for reinforced concrete.
Cutting disc {}, for steel | 1.45 | 3.95
  115 × 1 mm; 125 × 1 mm; 125 × 1.6 mm; 230 × 2 mm
Sandpaper {}, 25 sheets | 6.45 | 8.95
  40 grit; 60 grit; 80 grit; 120 grit; 180 grit; 240 grit; 400 grit
Wood screws {}, box of 200 | 4.45 | 24.50
  3 × 16 mm; 3 × 20 mm; 3.5 × 25 mm; 3.5 × 30 mm; 4 × 30 mm; 4 × 40 mm; 4 × 50 mm; 4.5 × 45 mm; 4.5 × 60 mm; 5 ×
  50 mm; 5 × 60 mm; 5 × 80 mm; 6 × 80 mm; 6 × 100 mm
  > Yellow zinc, countersunk, TX drive. The bit is in the box.
Decking screws {}, stainless, box of 100 | 18.95 | 32.50
  5 × 50 mm; 5 × 60 mm; 5 × 70 mm; 5 × 80 mm
  > A2 stainless steel, with a cutting point: no need to drill first in softwood.
Drywall screws {}, box of 500 | 7.95 | 14.50
  3.5 × 25 mm; 3.5 × 35 mm; 3.5 × 45 mm; 3.5 × 55 mm
Machine screws {}, box of 100 | 3.45 | 16.95
  M3 × 10; M3 × 16; M4 × 10; M4 × 16; M4 × 25; M5 × 16; M5 × 25; M6 × 20; M6 × 30; M6 × 40; M8 × 30; M8 × 50
Hexagon nuts {}, box of 100 | 2.45 | 14.50
  M3; M4; M5; M6; M8; M10; M12
Washers {}, box of 100 | 1.95 | 8.95
  M3; M4; M5; M6; M8; M10; M12
Threaded rod {}, 1 m | 1.95 | 8.50
  M5; M6; M8; M10; M12; M16
Round wire nails {}, 1 kg | 6.45 | 8.95
  30 mm; 40 mm; 50 mm; 65 mm; 80 mm; 100 mm; 130 mm
Wall plugs {}, box of 100 | 3.45 | 11.95
  5 mm; 6 mm; 8 mm; 10 mm; 12 mm
  > Nylon, for concrete, brick and aerated block. They expand in four directions.
Heavy-duty anchor {} | 1.95 | 4.95
  M8 × 65; M10 × 80; M12 × 100
  > For cracked concrete; torque and depth are stamped on the sleeve.
Plasterboard anchors {}, pack of 25 | 5.95 | 12.50
  up to 8 kg; up to 15 kg; up to 25 kg
Door hinge {}, stainless, pair | 6.25 | 15.95
  60 mm; 80 mm; 100 mm; 120 mm
Furniture hinge {}, soft close | 3.45 | 7.50
  half overlay; full overlay; inset; 165°
Drawer runners {}, full extension, pair | 14.95 | 27.50
  300 mm; 350 mm; 400 mm; 450 mm; 500 mm; 550 mm
  > They carry 45 kg; screws of 4 × 16 mm are included.
Padlock {} | 4.95 | 19.80
  20 mm, brass; 30 mm, brass; 40 mm, brass; 50 mm, brass, two keys; 60 mm, brass, two keys
  > Solid brass body, hardened steel shackle of 8 mm. Both keys are numbered, so more can be cut at the
  > counter.
Combination lock {} | 7.95 | 17.50
  three digits; four digits; with steel cable, 1 m
Euro cylinder {} | 24.95 | 49.50
  30/30 mm; 30/35 mm; 30/40 mm; 35/35 mm; 40/40 mm; 45/45 mm
  > Five keys and a security card. Without the card no key is cut.
Mortice lock {} | 14.50 | 22.95
  55/72 mm; 60/72 mm; for a bathroom, 55/78 mm
Cable ties {}, bag of 100 | 1.95 | 9.95
  100 mm; 140 mm; 200 mm; 280 mm; 370 mm
Insulating tape {}, 10 m | 1.45 | 1.95
  black; white; red; blue; green and yellow
LED bulb E27 {} | 3.20 | 7.95
  4 W, warm white; 6 W, warm white; 8 W, warm white; 8 W, neutral white; 11 W, warm white; 14 W, neutral white
  > 15,000 hours, 80 % of its light at once. Not for dimmers.
Extension lead {} | 7.95 | 89.00
  3 m; 5 m; 10 m; on a drum, 25 m; on a drum, 50 m
Masonry paint 5 l, {} | 32.50 | 39.95
  white; cream; brick red; slate grey; sand
  > Breathes and sheds rain. 5 l cover about 30 m² once.
Wood stain {} | 13.95 | 38.50
  750 ml, oak; 750 ml, walnut; 750 ml, pine; 2.5 l, oak; 2.5 l, walnut
Paint brush {}, flat | 3.45 | 12.95
  25 mm; 38 mm; 50 mm; 63 mm; 75 mm; 100 mm
Paint roller {} | 3.95 | 12.50
  100 mm, foam; 180 mm, for smooth walls; 250 mm, for smooth walls; 250 mm, for rough walls
Masking tape {}, 50 m | 2.45 | 5.95
  19 mm; 25 mm; 38 mm; 50 mm
Silicone sealant, {}, 300 ml | 5.75 | 6.45
  clear; white; grey; black; beige
  > Neutral cure, resists mould. Can be walked upon after 24 hours.
Wood glue {} | 4.95 | 34.50
  250 g; 500 g; 1 kg; 5 kg
  > Water resistance D3. Sets in ten minutes at 20 °C.
Mounting adhesive {} | 5.95 | 9.50
  290 ml, white; 290 ml, clear; 290 ml, high tack
Work gloves, leather, {} | 14.95 | 17.50
  size S; size M; size L; size XL; size XXL
Nitrile gloves, box of 100, {} | 9.95 | 10.95
  size S; size M; size L; size XL
Safety glasses, {} | 5.95 | 12.50
  clear; tinted; yellow; over spectacles
  > EN 166, scratch-resistant and proof against fog.
Dust masks {} | 8.95 | 24.50
  FFP1, pack of 10; FFP2, pack of 10; FFP3, pack of 5
Ear defenders, {} | 14.50 | 69.00
  28 dB; 32 dB; 32 dB with radio
Tool box {} | 14.95 | 79.00
  16 inch; 19 inch; 22 inch; on wheels
Step ladder, {} | 39.95 | 119.00
  3 treads; 4 treads; 5 treads; 6 treads; 7 treads
  > Aluminium, treads of 80 mm, carries 150 kg. EN 131.
Copper pipe {}, 2 m | 9.95 | 38.50
  10 mm; 12 mm; 15 mm; 18 mm; 22 mm; 28 mm
Compression elbow {} | 2.95 | 12.50
  10 mm; 12 mm; 15 mm; 18 mm; 22 mm; 28 mm
Ball valve {} | 7.45 | 19.95
  3/8 in; 1/2 in; 3/4 in; 1 in
PTFE tape {} | 1.45 | 2.95
  12 m, for water; 12 m, for gas
Socket 1/4 in, {} | 1.95 | 3.95
  4 mm; 5 mm; 5.5 mm; 6 mm; 7 mm; 8 mm; 9 mm; 10 mm; 11 mm; 12 mm; 13 mm
Ratchet {} | 19.95 | 44.50
  1/4 in; 3/8 in; 1/2 in
  > 72 teeth, quick release, can be taken apart and greased.
G-clamp {} | 5.95 | 24.50
  50 mm; 75 mm; 100 mm; 150 mm; 200 mm
Bar clamp {} | 9.95 | 34.50
  120 × 200 mm; 120 × 300 mm; 120 × 400 mm; 120 × 600 mm; 140 × 800 mm
Utility knife {} | 3.95 | 16.50
  9 mm; 18 mm; 25 mm; trapezoid blade
Shelf bracket {} | 1.45 | 8.95
  100 × 125 mm; 150 × 200 mm; 200 × 250 mm; 250 × 300 mm; 300 × 350 mm
  > Carries 40 kg a pair on a solid wall. Screws and plugs are sold apart.
Chain {}, per metre | 2.45 | 9.95
  3 mm, galvanised; 4 mm, galvanised; 5 mm, galvanised; 6 mm, galvanised; 4 mm, stainless
Screwdriver bits {}, pack of 10 | 3.95 | 6.95
  PH1; PH2; PH3; PZ1; PZ2; PZ3; TX15; TX20; TX25; TX30
  > Length 25 mm, shank 1/4 in.
""")
