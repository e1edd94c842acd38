"""The FastAPI service that moves. SECRET_KEY is what both services sign the session cookie with."""

import os

from fastapi import Depends, FastAPI, HTTPException, Request
from starlette.middleware.sessions import SessionMiddleware

app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key=os.environ["SECRET_KEY"])

items = {"1": {"id": "1", "name": "chair"}, "2": {"id": "2", "name": "table"}}


def current_user(request: Request) -> str:
    user = request.session.get("user")
    if user is None:
        raise HTTPException(401, "Log in first")
    return user


@app.post("/login/{name}")
def login(name: str, request: Request):
    request.session["user"] = name
    return {"user": name}


@app.get("/items/{item_id}")
def read_item(item_id: str):
    if item_id not in items:
        raise HTTPException(404, "Item not found")
    return items[item_id]


@app.post("/cart/{item_id}", status_code=201)
def add_to_cart(item_id: str, request: Request, user: str = Depends(current_user)):
    request.session["cart"] = [*request.session.get("cart", []), item_id]
    return {"user": user, "cart": request.session["cart"]}


@app.get("/cart")
def read_cart(request: Request, user: str = Depends(current_user)):
    return {"user": user, "cart": request.session.get("cart", [])}
