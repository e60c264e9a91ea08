//! The scan of int8 rows on a GPU; that it gives the processor's scores to the bit stands in `everywhere/gpu.rs`.

use std::rc::Rc;

use palate::compute::webgpu::GpuScan;
use palate::math::scan::Query;
use palate::platform::native::wait;

use super::webgpu::gpu;

#[test]
fn scan_on_the_gpu_refuses_what_does_not_fit() {
    let Some(gpu) = gpu() else { return };
    assert!(wait(GpuScan::new(Rc::clone(&gpu), 4, &[&[0; 7]])).is_err());
    let empty = wait(GpuScan::new(Rc::clone(&gpu), 4, &[])).unwrap();
    assert_eq!(wait(empty.sums(&[Query::new(&[1.0; 4])])).unwrap(), [Vec::<i32>::new()]);
    assert_eq!(wait(empty.sums(&[Query::new(&[1.0; 3])])).err().unwrap().code(), "mismatch");
}
