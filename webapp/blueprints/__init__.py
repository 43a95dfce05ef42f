"""The features: one folder each, none of which knows another. What is not named here is not there."""

from webapp.blueprints import (
    account,
    audit,
    bulk,
    dashboard,
    health,
    imports,
    inspector,
    orders,
    organizations,
    products,
    site,
)

FEATURES = (site, account, organizations, dashboard, products, imports, bulk, orders, audit, inspector, health)
