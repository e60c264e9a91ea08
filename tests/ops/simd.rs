//! The vector functions that ops share.

use super::{Numbers, tolerance};
use palate::math::simd::cholesky::System;
use palate::math::simd::normal::{Chosen, add_misfit, add_misfit_in};
use palate::math::simd::{self, Simd, portable::Portable};

#[test]
fn simd_exp_and_gelu_are_right() {
    let x: Vec<f32> = (-8000..8000).map(|i| i as f32 * 0.01).collect();
    for x in x.chunks(21) {
        let (mut e, mut g) = (x.to_vec(), x.to_vec());
        // SAFETY: the portable set needs no instructions.
        unsafe {
            simd::map_in_place::<Portable, 2>(&mut e, |v| simd::exp::<Portable, 2>(v));
            simd::map_in_place::<Portable, 2>(&mut g, |v| simd::gelu::<Portable, 2>(v));
        }
        let want: Vec<f64> = x.iter().map(|&v| f64::from(v).exp()).collect();
        for (e, w) in e.iter().zip(&want) {
            let error = (f64::from(*e) / w - 1.0).abs();
            assert!(error < tolerance::EXP, "exp is off by {error:e}");
        }
        for (g, x) in g.iter().zip(x) {
            let x = f64::from(*x);
            let want = 0.5 * x * (1.0 + super::loops::erf(x / std::f64::consts::SQRT_2));
            let error = (f64::from(*g) - want).abs() / x.abs().max(1.0);
            assert!(error < tolerance::GELU, "gelu({x}) is off by {error:e}");
        }
    }
    // Both ends saturate.
    // SAFETY: as above.
    let [ends] = unsafe { simd::exp::<Portable, 1>([Portable::load([f32::NEG_INFINITY, -200.0, 0.0, 1.0, 88.0, 200.0, f32::INFINITY, -0.0].as_ptr())]) };
    assert!(ends[0] < 1e-37 && ends[1] < 1e-37 && ends[2] == 1.0 && ends[7] == 1.0 && ends[5].is_finite() && ends[6].is_finite());
}

#[test]
fn misfit_of_chosen_rows_is_right() {
    let mut numbers = Numbers(7);
    for (dim, chosen) in [(1, 1), (6, 4), (8, 0), (8, 7), (37, 9), (128, 30)] {
        let (table, p, start) = (numbers.take(20 * dim), numbers.take(dim), numbers.take(dim));
        let rows: Vec<u32> = (0..chosen as u32).map(|i| i * 7 % 20).collect();
        let weights: Vec<f32> = numbers.take(chosen).iter().map(|w| w.abs() + 0.5).collect();
        for target in [0f32, 1.0] {
            let mut want: Vec<f64> = start.iter().map(|&v| f64::from(v)).collect();
            for (&row, &weight) in rows.iter().zip(&weights) {
                let v: Vec<f64> = table[row as usize * dim..][..dim].iter().map(|&v| f64::from(v)).collect();
                let product: f64 = v.iter().zip(&p).map(|(v, p)| v * f64::from(*p)).sum();
                want.iter_mut().zip(&v).for_each(|(o, v)| *o += f64::from(weight) * (f64::from(target) - product) * v);
            }
            let chosen = Chosen { table: &table, rows: &rows, weights: &weights };
            let (mut found, mut portable) = (start.clone(), start.clone());
            add_misfit(chosen, target, &p, &mut found);
            // SAFETY: the portable set needs no instructions; `portable` is as long as `p`.
            unsafe { add_misfit_in::<Portable>(chosen, target, &p, &mut portable) };
            let scale = want.iter().fold(1.0f64, |most, v| most.max(v.abs()));
            for out in [&found, &portable] {
                assert!(out.iter().zip(&want).all(|(o, w)| (f64::from(*o) - w).abs() < 1e-5 * scale), "{dim} dimensions, target {target}");
            }
        }
    }
}

#[test]
fn systems_of_chosen_rows_are_solved() {
    let mut numbers = Numbers(9);
    for (dim, chosen) in [(1, 3), (3, 0), (4, 5), (8, 9), (16, 2), (37, 70), (64, 64), (100, 200), (128, 129)] {
        let (table, shared) = (numbers.take(40 * dim), numbers.take(3 * dim));
        let rows: Vec<u32> = (0..chosen as u32).map(|i| i * 7 % 40).collect();
        let weights: Vec<f32> = numbers.take(chosen).iter().map(|w| w.abs()).collect();
        let base: Vec<f32> = (0..dim * dim).map(|at| shared.chunks_exact(dim).map(|v| v[at / dim] * v[at % dim]).sum()).collect();
        // What each unknown's equation leaves over, in f64.
        let ridge = 0.5;
        let left_over = |x: &[f32]| -> f64 {
            let of = |i: usize| {
                let row = base[i * dim..(i + 1) * dim].iter().zip(x).map(|(a, x)| f64::from(*a) * f64::from(*x)).sum::<f64>();
                let observed = rows.iter().zip(&weights).map(|(&r, &w)| {
                    let v = &table[r as usize * dim..(r as usize + 1) * dim];
                    let product: f64 = v.iter().zip(x).map(|(v, x)| f64::from(*v) * f64::from(*x)).sum();
                    f64::from(w) * f64::from(v[i]) * (product - 1.0)
                });
                (row + observed.sum::<f64>() + f64::from(ridge) * f64::from(x[i])).abs()
            };
            (0..dim).map(of).fold(0.0, f64::max)
        };
        let chosen = Chosen { table: &table, rows: &rows, weights: &weights };
        let mut system = System::new(dim);
        // Twice: nothing of one system is left in the next.
        for _ in 0..2 {
            let (mut found, mut portable) = (vec![f32::NAN; dim], vec![f32::NAN; dim]);
            system.solve(&base, chosen, ridge, &mut found);
            // SAFETY: the portable set needs no instructions; the vectors fit.
            unsafe { system.solve_in::<Portable>(&base, chosen, ridge, &mut portable) };
            for x in [&found, &portable] {
                assert!(left_over(x) < 1e-4, "{dim} dimensions, {} rows: {:e} is left over", rows.len(), left_over(x));
            }
        }
    }
}
