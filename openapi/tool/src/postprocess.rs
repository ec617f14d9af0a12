//! What the generator has no setting for.
//!
//! - Its constructor panics when TLS cannot be set up; ours returns an error. It goes. The other one takes a base URL that
//!   need not be the session's, to which the requests go; it is ours alone.
//! - The builder of an operation throws the reason away when a parameter cannot be converted. It is kept, so that the
//!   error says what would be right.
//! - Every request gets a header `api-version` that no system documents. It goes.
//! - Every request has its URL parsed anew, base and all. The session, which has parsed the base, makes it from the path.
//! - Every answer is parsed out of its body. The transport has done that already, and hands the value over.
//! - `Client` derives Debug and would print what it holds. The SDK writes its own.
//! - The snippets in the docs have no context to compile in, and are marked as text.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, ExprClosure, ExprLit, ImplItem, ImplItemFn, Item, ItemImpl, ItemStruct, Lit, Local, Pat, Stmt, Token,
    parse_quote,
};

/// The name of the header that goes, the map of headers that it is in, and how that is made.
const STRAY: &str = "\"api-version\"";
const HEADERS: &str = "header_map";
const EMPTY: &str = "let mut header_map =";

/// The way in which an answer is parsed.
const PARSE: &str = "ResponseValue :: from_response (response)";

/// The start of the message that stands in for the reason.
const REASONLESS: &str = "conversion to `";

pub(super) fn postprocess(file: &mut syn::File) {
    Polish.visit_file_mut(file);
}

struct Polish;

impl VisitMut for Polish {
    fn visit_item_impl_mut(&mut self, item: &mut ItemImpl) {
        if item.trait_.is_none() && is_client(&item.self_ty) {
            item.items.retain(|item| !matches!(item, ImplItem::Fn(function) if function.sig.ident == "new"));
            for item in &mut item.items {
                if let ImplItem::Fn(function) = item
                    && function.sig.ident == "new_with_client"
                {
                    function.vis = parse_quote!(pub(crate));
                }
            }
        }
        visit_mut::visit_item_impl_mut(self, item);
    }

    fn visit_item_mut(&mut self, item: &mut Item) {
        if let Item::Struct(ItemStruct { ident, attrs, .. }) = item
            && ident == "Client"
        {
            for attr in attrs.iter_mut().filter(|attr| attr.path().is_ident("derive")) {
                *attr = parse_quote!(#[derive(Clone)]);
            }
        }
        visit_mut::visit_item_mut(self, item);
    }

    fn visit_impl_item_fn_mut(&mut self, function: &mut ImplItemFn) {
        let mut keep = KeepReason { parameter: function.sig.ident.to_string(), kept: false };
        keep.visit_block_mut(&mut function.block);
        if keep.kept
            && let Some(where_clause) = &mut function.sig.generics.where_clause
        {
            let targets: Vec<syn::Type> = where_clause
                .predicates
                .iter()
                .filter_map(|predicate| match predicate {
                    syn::WherePredicate::Type(predicate) => try_into_target(predicate),
                    _ => None,
                })
                .collect();
            for target in targets {
                let reason: syn::WherePredicate =
                    parse_quote!(<V as std::convert::TryInto<#target>>::Error: std::fmt::Display);
                where_clause.predicates.push(reason);
            }
        }
        visit_mut::visit_impl_item_fn_mut(self, function);
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        let is_call = |statement: &Stmt| matches!(statement, Stmt::Expr(Expr::MethodCall(_), _));
        block.stmts.retain(|statement| !(is_call(statement) && mentions(statement, STRAY)));
        // What is left is the statement that makes the map, and the one that adds it to the request.
        if block.stmts.iter().filter(|statement| mentions(statement, HEADERS)).count() == 2 {
            block.stmts.retain(|statement| !(matches!(statement, Stmt::Local(_)) && mentions(statement, EMPTY)));
            WithoutHeaders.visit_block_mut(block);
        }
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_local_mut(&mut self, local: &mut Local) {
        if matches!(&local.pat, Pat::Ident(pat) if pat.ident == "url")
            && let Some(init) = &mut local.init
            && let Some(path) = below_base(&init.expr)
        {
            *init.expr = parse_quote!(client.inner.url(&#path));
        }
        visit_mut::visit_local_mut(self, local);
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if let Expr::Await(awaited) = expr
            && awaited.base.to_token_stream().to_string() == PARSE
        {
            *expr = parse_quote!(crate::seam::extensions::value(response));
        }
        visit_mut::visit_expr_mut(self, expr);
    }

    fn visit_attribute_mut(&mut self, attr: &mut syn::Attribute) {
        if let syn::Meta::NameValue(meta) = &mut attr.meta
            && meta.path.is_ident("doc")
            && let Expr::Lit(lit) = &mut meta.value
            && let Lit::Str(text) = &mut lit.lit
        {
            *text = syn::LitStr::new(&text.value().replace("```ignore", "```text"), text.span());
        }
    }
}

/// Returns whether a statement has these tokens in it.
fn mentions(statement: &Stmt, tokens: &str) -> bool {
    statement.to_token_stream().to_string().contains(tokens)
}

/// Of `format!("{}/path", client.baseurl, …)`, `format!("/path", …)`.
fn below_base(expr: &Expr) -> Option<Expr> {
    let Expr::Macro(call) = expr else { return None };
    let parts = call.mac.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated).ok()?;
    let mut parts = parts.into_iter();
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = parts.next()? else { return None };
    let is_base = |expr: Expr| expr.to_token_stream().to_string() == "client . baseurl";
    let text = text.value();
    let path = text.strip_prefix("{}").filter(|_| parts.next().is_some_and(is_base))?;
    Some(parse_quote!(format!(#path #(, #parts)*)))
}

/// Turns `….headers(header_map)` into `…`.
struct WithoutHeaders;

impl VisitMut for WithoutHeaders {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        visit_mut::visit_expr_mut(self, expr);
        if let Expr::MethodCall(call) = expr
            && call.method == "headers"
            && call.args.first().is_some_and(|argument| argument.to_token_stream().to_string() == HEADERS)
        {
            *expr = (*call.receiver).clone();
        }
    }
}

fn is_client(ty: &syn::Type) -> bool {
    matches!(ty, syn::Type::Path(path) if path.path.is_ident("Client"))
}

/// Of `V: TryInto<Target>`, the target.
fn try_into_target(predicate: &syn::PredicateType) -> Option<syn::Type> {
    predicate.bounds.iter().find_map(|bound| {
        let syn::TypeParamBound::Trait(bound) = bound else { return None };
        let last = bound.path.segments.last()?;
        let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        match arguments.args.first()? {
            syn::GenericArgument::Type(target) if last.ident == "TryInto" => Some(target.clone()),
            _ => None,
        }
    })
}

/// Turns `|_| "conversion to … failed".to_string()` into `|e| format!("PARAMETER: {e}")`.
struct KeepReason {
    parameter: String,
    kept: bool,
}

impl VisitMut for KeepReason {
    fn visit_expr_closure_mut(&mut self, closure: &mut ExprClosure) {
        let ignores = closure.inputs.first().is_some_and(|input| matches!(input, Pat::Wild(_)));
        if ignores && starts_reasonless(&closure.body) {
            let message = format!("{}: {{e}}", self.parameter);
            *closure = parse_quote!(|e| format!(#message));
            self.kept = true;
        }
    }
}

/// Returns whether an expression is a call on a text that starts as [`REASONLESS`] does.
fn starts_reasonless(body: &Expr) -> bool {
    match body {
        Expr::Block(block) => match block.block.stmts.as_slice() {
            [syn::Stmt::Expr(expr, None)] => starts_reasonless(expr),
            _ => false,
        },
        Expr::MethodCall(call) => match call.receiver.as_ref() {
            Expr::Lit(lit) => matches!(&lit.lit, Lit::Str(text) if text.value().starts_with(REASONLESS)),
            _ => false,
        },
        _ => false,
    }
}
