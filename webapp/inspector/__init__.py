"""The Inspector's engine: any table, as anyone, and for each row which policy let it through or held it back.

No Flask in it: the pages, the command ``rowhouse rls`` and the diagnosis of failed writes all ask it.
"""
