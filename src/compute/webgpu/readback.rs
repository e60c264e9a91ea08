//! What a device wrote, read by the processor.

use super::device::{Gpu, Waiting, device_error};
use super::wait::signal;
use crate::error::Result;

/// The first `size` bytes of a buffer that can be mapped, once the device is done with them.
///
/// # Errors
/// [`crate::error::Error::Device`] where the device is lost or does not answer.
pub async fn read_back<T>(gpu: &Gpu, buffer: &wgpu::Buffer, size: u64, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
    mapped(gpu, buffer, size).await?;
    let found = {
        let view = buffer.get_mapped_range(0..size).map_err(|e| device_error("the answer could not be read", &e.to_string()))?;
        read(&view)
    };
    buffer.unmap();
    Ok(found)
}

/// Maps the beginning of a buffer.
fn mapped<'a>(gpu: &'a Gpu, buffer: &'a wgpu::Buffer, size: u64) -> Waiting<'a, ()> {
    Box::pin(async move {
        let (sender, arrived) = signal();
        buffer.map_async(wgpu::MapMode::Read, 0..size, move |outcome| sender.send(outcome));
        // Natively this waits; in a browser it does nothing, and the page's own loop brings the answer.
        gpu.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| device_error("the device does not answer", &e.to_string()))?;
        if arrived.await.is_err() {
            let reason = gpu.lost().unwrap_or_else(|| "the answer could not be read".into());
            return Err(device_error("the device was lost", &reason));
        }
        Ok(())
    })
}
