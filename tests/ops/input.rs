//! `Op::Input`, and what a graph says of float inputs that do not fit.

use palate::compute::builder::Builder;
use palate::compute::cpu::{CpuModel, Workspace, isa::Isa};
use palate::compute::graph::{Batch, PoolKind};
use palate::format::tensors::{Part, TensorFile, write};

#[test]
fn input_is_the_batch() {
    let bytes = write(&[Part::f32("unused", &[1], &[0.0])], &Default::default()).unwrap();
    let file = TensorFile::parse(bytes, "a file").unwrap();
    let mut b = Builder::new(&file);
    let x = b.float_input(3, 2);
    b.pool(x, PoolKind::Last);
    let model = CpuModel::new(b.finish(), &file, Isa::best()).unwrap();
    let batch = |numbers: usize| Batch { items: 2, floats: vec![(0..numbers).map(|i| i as f32).collect()], ..Batch::default() };
    assert_eq!(model.run(&batch(12), &mut Workspace::default()).unwrap(), [4.0, 5.0, 10.0, 11.0]);
    for wrong in [0, 11, 13, 24] {
        assert_eq!(model.run(&batch(wrong), &mut Workspace::default()).unwrap_err().code(), "internal");
    }
    assert_eq!(model.run(&Batch { items: 2, ..Batch::default() }, &mut Workspace::default()).unwrap_err().code(), "internal");
}
