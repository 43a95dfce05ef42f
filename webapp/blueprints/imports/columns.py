"""Which column of a file is which part of a product, guessed from its name in the languages of our visitors."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final


class Part(StrEnum):
    """Name the parts of a product that a file may bring, as the table's columns are called."""

    SKU = "sku"
    NAME = "name"
    PRICE = "price"
    STOCK = "stock"
    DESCRIPTION = "description"
    STATUS = "is_active"

    @property
    def label(self) -> str:
        """Return what pages call it."""
        return {Part.SKU: "SKU", Part.STATUS: "Status"}.get(self, self.value.capitalize())


NEEDED_FOR_NEW: Final = (Part.NAME, Part.PRICE)

# English, German, French, Spanish, Portuguese, Italian, Dutch, Danish, Norwegian, Swedish, Polish, Czech, Hungarian,
# Finnish, Japanese, Chinese. The surer ones come first: "Code" yields to "SKU" beside it.
_WRITTEN: Final = {
    Part.SKU: """
        sku productsku itemsku variantsku articlenumber artikelnummer artikelnr artnr itemnumber itemno productcode
        productnumber partnumber partno numerodarticle referenceproduit codearticle referencia codigo codigoproducto
        codigoproduto codicearticolo codiceprodotto varenummer varenr artikelkod tuotekoodi tuotenumero kodproduktu
        katalogovecislo kodzbozi cikkszam 商品コード 品番 货号 商品编号
        reference ref codice kod symbol itemcode code item artikel article
    """,
    Part.NAME: """
        name productname itemname title producttitle produktname artikelname bezeichnung artikelbezeichnung
        nomduproduit nom designation libelle titre nombre nombredelproducto nomedoproduto nome nomeprodotto
        productnaam naam produktnavn varenavn navn produktnamn namn benamning nazwa nazwaproduktu nazev nazevproduktu
        megnevezes termeknev nev nimi tuotenimi 商品名 品名 名称 商品名称
        product produkt produit producto produto prodotto tuote
    """,
    Part.PRICE: """
        price unitprice salesprice listprice preis verkaufspreis einzelpreis vkpreis vk prix prixunitaire prixdevente
        precio precioventa preco precounitario prezzo prezzounitario prijs verkoopprijs pris salgspris enhedspris cena
        cenasprzedazy cenaprodejni prodejnicena ar eladasiar hinta myyntihinta 価格 単価 价格 单价
    """,
    Part.STOCK: """
        stock instock stockquantity stockqty onhand inventory quantity qty available bestand lagerbestand lager menge
        enstock quantite stocks existencias cantidad estoque quantidade giacenza quantita voorraad aantal
        lagerbeholdning antal beholdning lagersaldo stan stanmagazynowy ilosc skladem sklad mnozstvi keszlet
        mennyiseg varastosaldo varasto saldo 在庫 在庫数 库存
    """,
    Part.DESCRIPTION: """
        description productdescription longdescription desc details beschreibung produktbeschreibung langtext
        descriptionduproduit descripcion descricao descrizione omschrijving productomschrijving beskrivelse
        beskrivning opis popis leiras kuvaus 説明 商品説明 描述 商品描述
    """,
    Part.STATUS: """
        status active isactive onsale forsale enabled published aktiv statut actif estado activo situacao ativo stato
        attivo actief tila aktywny stav aktivni allapot ステータス 状态
    """,
}
_BESIDE: Final = re.compile(r"[(\[].*?[)\]]|\b[A-Z]{3}\b(?<!SKU)|[€$£¥₹]")  # a currency or a unit: "Price (EUR)"


def guess(header: Sequence[str]) -> dict[str, int]:
    """Return the column of each part that has one, counted from 0: the surest name wins, then the first column."""
    written = [{plain(name), plain(_BESIDE.sub(" ", name))} for name in header]
    found: dict[str, int] = {}
    for part, names in _NAMES.items():
        ranked = [
            (names.index(word), place)
            for place, words in enumerate(written)
            for word in words
            if word in names and place not in found.values()
        ]
        if ranked:
            found[part.value] = min(ranked)[1]
    return found


def called(header: Sequence[str], place: int) -> str:
    """Return what pages call a column: its name, or its number where it has none."""
    return header[place] or f"Column {place + 1}"


def plain(name: str) -> str:
    """Return the letters and digits of a name without case and accents."""
    bare = (char for char in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(char))
    return "".join(char for char in unicodedata.normalize("NFC", "".join(bare)) if char.isalnum())


# Names as plain() leaves those of a file.
_NAMES: Final[Mapping[Part, tuple[str, ...]]] = {
    part: tuple(map(plain, words.split())) for part, words in _WRITTEN.items()
}
