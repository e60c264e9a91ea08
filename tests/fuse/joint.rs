//! The graph of the joint space: against plain loops in f64, in int8, with modalities missing, and with bad input.

use palate::compute::cpu::isa::Isa;
use palate::Error;
use palate::fuse::Fuser;
use palate::publish::fusion::pack;
use palate::publish::model::PackDType;
use palate::train::fusion_space::Space;

use super::{DIM, IMAGE, TEXT, config, space};
use crate::catalogs::model;

/// Largest difference of a number between the graph in f32 and plain loops in f64; least mean cosine of int8.
const F32: f64 = 1e-5;
const INT8: f64 = 0.998;

fn opened(space: &Space, parameters: &[f32], dtype: PackDType) -> Fuser {
    Fuser::open(pack("toy", &config(), space, parameters, dtype).unwrap(), Isa::best()).unwrap()
}

/// The formulas of `fuse::joint`, number by number, from what training folds.
fn plain(space: &Space, parameters: &[f32], given: &[Option<&[f32]>]) -> Vec<f64> {
    let mut parts = Vec::new();
    for (m, vector) in given.iter().enumerate() {
        let Some(x) = vector else { continue };
        let (values, bias, gate, gate_bias) = space.folded(parameters, m);
        let dot = |w: &[f32]| w.iter().zip(*x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>();
        let v: Vec<f64> = values.chunks_exact(x.len()).zip(&bias).map(|(row, b)| dot(row) + f64::from(*b)).collect();
        parts.push((dot(&gate) + f64::from(gate_bias), v));
    }
    let sum: f64 = parts.iter().map(|(s, _)| s.exp()).sum();
    let mut y = vec![0.0; DIM];
    for (s, v) in &parts {
        y.iter_mut().zip(v).for_each(|(y, v)| *y += s.exp() / sum * v);
    }
    let length = y.iter().map(|v| v * v).sum::<f64>().sqrt();
    y.iter().map(|v| v / length).collect()
}

/// What item `at` is.
fn given(space: &Space, at: usize) -> Vec<Option<&[f32]>> {
    space.contents().iter().map(|c| c.has[at].then(|| &c.vectors[at * c.dim..(at + 1) * c.dim])).collect()
}

/// Parameters whose gates say something too.
fn parameters(space: &Space) -> Vec<f32> {
    let mut parameters = space.start(5, 0.0);
    parameters.iter_mut().zip(crate::catalogs::Seeded(11).vector(space.parameters())).for_each(|(p, v)| *p += 0.3 * v);
    parameters
}

#[test]
fn joint_graph_is_its_formula_on_every_instruction_set() {
    let space = space(60, 5, 0.5);
    let parameters = parameters(&space);
    let bytes = pack("toy", &config(), &space, &parameters, PackDType::F32).unwrap();
    let items: Vec<_> = (0..60).map(|at| given(&space, at)).collect();
    assert!(items.iter().any(|item| item[1].is_none()));
    for isa in Isa::available() {
        let fuser = Fuser::open(bytes.clone(), isa).unwrap();
        for (item, found) in items.iter().zip(fuser.fuse(&items).unwrap()) {
            let expected = plain(&space, &parameters, item);
            let worst = found.iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
            assert!(worst <= F32, "{}: {worst}", isa.name());
        }
    }
}

#[test]
fn joint_vectors_in_training_are_those_of_the_pack() {
    let space = space(60, 5, 0.5);
    let parameters = parameters(&space);
    let fuser = opened(&space, &parameters, PackDType::F32);
    let learned = space.encode(&parameters, &[true, true]);
    for (at, found) in fuser.fuse(&(0..60).map(|at| given(&space, at)).collect::<Vec<_>>()).unwrap().iter().enumerate() {
        found.iter().zip(&learned[at * DIM..]).for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "item {at}: {a} and {b}"));
    }
}

#[test]
fn joint_pack_in_int8_points_where_f32_points() {
    let space = space(200, 5, 0.8);
    let parameters = parameters(&space);
    let items: Vec<_> = (0..200).map(|at| given(&space, at)).collect();
    let exact = opened(&space, &parameters, PackDType::F32).fuse(&items).unwrap();
    let small = opened(&space, &parameters, PackDType::Q8).fuse(&items).unwrap();
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    let mean = exact.iter().zip(&small).map(|(a, b)| cosine(a, b)).sum::<f64>() / 200.0;
    assert!(mean >= INT8, "{mean}");
}

#[test]
fn joint_modality_that_is_missing_leaves_nothing_whatever_stands_beside() {
    let space = space(60, 5, 0.5);
    let parameters = parameters(&space);
    for dtype in [PackDType::F32, PackDType::Q8] {
        let fuser = opened(&space, &parameters, dtype);
        let text = given(&space, 0)[0].unwrap();
        let alone = fuser.fuse(&[vec![Some(text), None]]).unwrap();
        let beside = fuser.fuse(&[given(&space, 1), vec![Some(text), None], given(&space, 2)]).unwrap();
        assert_eq!(alone[0], beside[1]);
        assert_eq!(alone[0], fuser.query(&[("text", text)]).unwrap());
        // Of a query every part counts alike, whatever the gates say.
        let image = given(&space, 0)[1].unwrap();
        let both = fuser.query(&[("text", text), ("image", image)]).unwrap();
        let to = |name: &str, v: &[f32]| fuser.query(&[(name, v)]).unwrap().iter().zip(&both).map(|(a, b)| a * b).sum::<f32>();
        assert!((to("text", text) - to("image", image)).abs() < 1e-4);
        assert_ne!(alone[0], fuser.fuse(&[given(&space, 0)]).unwrap()[0], "a picture counts where there is one");
    }
}

#[test]
fn joint_input_that_does_not_fit_is_told_what_does() {
    let space = space(60, 5, 0.5);
    let bytes = pack("toy", &config(), &space, &space.start(1, 0.0), PackDType::F32).unwrap();
    let fuser = Fuser::open(bytes.clone(), Isa::best()).unwrap();
    let short = vec![0.5; TEXT - 1];
    assert!(matches!(fuser.query(&[("text", &short)]), Err(Error::Mismatch(text)) if text.contains("23") && text.contains("words")));
    assert!(matches!(fuser.query(&[]), Err(Error::Input(text)) if text.contains("text, image")));
    assert!(matches!(fuser.query(&[("audio", &short)]), Err(Error::Input(text)) if text.contains("audio")));
    assert!(matches!(fuser.check("image", &model("another", IMAGE)), Err(Error::Mismatch(_))));
    assert!(fuser.check("image", &model("eye", IMAGE)).is_ok());
    for cut in (0..bytes.len()).step_by(97) {
        assert!(Fuser::open(bytes[..cut].to_vec(), Isa::best()).is_err());
    }
}
