use super::{Object, Shape};
impl Object {
    pub(crate) fn send<S: serde::Serializer>(&self, _s: S) -> Result<S::Ok, S::Error> {
        unimplemented!()
    }
    pub(crate) fn receive_from<'de, D: serde::Deserializer<'de>>(
        _e: Shape,
        _a: bool,
        _d: D,
    ) -> Result<Object, D::Error> {
        unimplemented!()
    }
}
