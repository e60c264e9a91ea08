//! A GPU: how it is found, what it says of itself, and whether it is still there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use super::shader::{self, Pipeline, Source};
use crate::error::{Error, Result};

/// What an adapter says of itself. In browsers most of it is withheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// `"NVIDIA H100"`, `"google swiftshader"`.
    pub name: String,
    /// Driver and backend; together with the name, what a remembered choice holds for.
    pub driver: String,
    /// Whether a processor plays the GPU.
    pub software: bool,
}

impl Adapter {
    /// What a remembered choice is kept under.
    pub fn key(&self) -> String {
        format!("{} | {}", self.name, self.driver)
    }
}

/// What shaders may use beyond what every device has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extras {
    /// The threads of a quad may read each other's numbers.
    pub subgroups: bool,
    /// Sums of products of four bytes.
    pub dot4: bool,
    /// Numbers of half precision.
    pub halves: bool,
}

/// An open device with its queue and the pipelines that were compiled for it.
pub struct Gpu {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) extras: Extras,
    /// Most bytes that are bound at once: of a weight, of a value, of an index's part.
    pub(crate) most_bytes: u64,
    adapter: Adapter,
    lost: Arc<Mutex<Option<String>>>,
    pipelines: RefCell<HashMap<Source, Rc<Pipeline>>>,
}

/// What a device is waited for, boxed where several callers do: each would hold the code of all the waiting otherwise.
pub type Waiting<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + 'a>>;

/// A GPU that was found and is not open.
pub struct Found {
    adapter: wgpu::Adapter,
    about: Adapter,
    dot4: bool,
}

impl Found {
    /// Asks for the fastest GPU that there is.
    ///
    /// Firefox has no `navigator.gpu` in service workers (this runs in one of the package's own) and Safari before 26 none at all: what
    /// is missing comes out as the error here.
    ///
    /// # Errors
    /// [`Error::Device`] where there is none.
    pub fn look() -> Waiting<'static, Self> {
        Box::pin(Self::find())
    }

    async fn find() -> Result<Self> {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = wgpu::Backends::PRIMARY;
        // Validation layers of the system would cost every dispatch; wgpu checks what matters itself.
        descriptor.flags = wgpu::InstanceFlags::empty();
        let instance = wgpu::Instance::new(descriptor);
        let options = wgpu::RequestAdapterOptions { power_preference: wgpu::PowerPreference::HighPerformance, ..Default::default() };
        let adapter = instance.request_adapter(&options).await.map_err(|e| device_error("there is no adapter", &e.to_string()))?;
        let info = adapter.get_info();
        let software = info.device_type == wgpu::DeviceType::Cpu || info.name.to_lowercase().contains("swiftshader");
        let name = if info.name.is_empty() { "a GPU without a name".to_owned() } else { info.name.clone() };
        let driver = [format!("{:?}", info.backend), info.driver, info.driver_info].into_iter().filter(|part| !part.is_empty());
        let about = Adapter { name, driver: driver.collect::<Vec<_>>().join(" "), software };
        let dot4 = instance.wgsl_language_features().contains(wgpu::WgslLanguageFeatures::Packed4x8IntegerDotProduct);
        Ok(Self { adapter, about, dot4 })
    }

    /// What it says of itself.
    pub fn about(&self) -> &Adapter {
        &self.about
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`Error::Device`] where it refuses.
    pub fn open(self) -> Waiting<'static, Gpu> {
        Box::pin(self.open_device())
    }

    async fn open_device(self) -> Result<Gpu> {
        let has = self.adapter.limits();
        // Only what models need more of than every device has; asking for all an adapter offers makes some fail. iOS caps buffers at
        // 1 GB, and ends pages of some 1.5 GB: weights are written op by op, and are not held twice.
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: has.max_storage_buffer_binding_size.min(1 << 30),
            max_buffer_size: has.max_buffer_size.min(1 << 30),
            ..wgpu::Limits::default()
        };
        let most_bytes = limits.max_storage_buffer_binding_size;
        // In a browser the worker asks for subgroups (`www/lib/subgroups.js`): wgpu has no name for them there.
        let required_features = self.adapter.features() & (wgpu::Features::SUBGROUP | wgpu::Features::SHADER_F16);
        let descriptor = wgpu::DeviceDescriptor { label: Some("palate"), required_features, required_limits: limits, ..Default::default() };
        let (device, queue) = self.adapter.request_device(&descriptor).await.map_err(|e| device_error("the adapter gives no device", &e.to_string()))?;
        let lost = Arc::new(Mutex::new(None));
        let told = Arc::clone(&lost);
        device.set_device_lost_callback(move |reason, message| {
            let text = format!("{reason:?}: {message}");
            told.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
        });
        // Without a handler of its own wgpu panics; the runs have error scopes, so what comes here is remembered as a loss.
        let told = Arc::clone(&lost);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            told.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(format!("an error outside of a run: {error}"));
        }));
        let extras = Extras { subgroups: false, dot4: self.dot4, halves: required_features.contains(wgpu::Features::SHADER_F16) };
        let mut gpu = Gpu { device, queue, extras, most_bytes, adapter: self.about, lost, pipelines: RefCell::default() };
        // wgpu cannot say what the worker got: a shader that needs it is let through or not.
        let quads = wgpu::ShaderModuleDescriptor { label: Some("subgroups"), source: wgpu::ShaderSource::Wgsl(shader::module([QUADS]).into()) };
        gpu.extras.subgroups = gpu.checked(|| gpu.device.create_shader_module(quads)).await.is_ok();
        Ok(gpu)
    }
}

/// The least that needs what [`Extras::subgroups`] says.
const QUADS: &str = "enable subgroups;
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(4) fn main() { x[0] = quadSwapX(x[0]); }";

impl Gpu {
    /// The fastest GPU that there is, opened.
    ///
    /// # Errors
    /// As [`Found::look`] and [`Found::open`].
    pub async fn open() -> Result<Self> {
        Found::look().await?.open().await
    }

    /// What it says of itself.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// What shaders may use here.
    pub fn extras(&self) -> Extras {
        self.extras
    }

    /// Why the device is gone, once it is.
    pub fn lost(&self) -> Option<String> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Frees what the device holds, at once. Runs under way fail with [`Error::Device`].
    pub fn destroy(&self) {
        self.device.destroy();
    }

    /// The pipeline of a source, compiled once.
    ///
    /// wgpu has no asynchronous creation; a browser compiles in its GPU process either way, and only the first dispatch waits.
    pub(crate) fn pipeline(&self, source: &Source) -> Rc<Pipeline> {
        let mut pipelines = self.pipelines.borrow_mut();
        Rc::clone(pipelines.entry(source.clone()).or_insert_with_key(|source| Rc::new(Pipeline::new(&self.device, source))))
    }

    /// Runs `work` and gives the first error that the device found in it.
    ///
    /// # Errors
    /// [`Error::Device`] for what the device refuses, or where it is gone.
    pub(crate) async fn checked<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        let open = self.scopes();
        let done = work();
        self.close(open).await.map(|()| done)
    }

    #[inline(never)]
    fn scopes(&self) -> [wgpu::ErrorScopeGuard; 3] {
        let filters = [wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Internal];
        filters.map(|filter| self.device.push_error_scope(filter))
    }

    /// Closes error scopes; the first error that they caught. Boxed, as everything that runs on a device ends here.
    fn close(&self, open: [wgpu::ErrorScopeGuard; 3]) -> Waiting<'_, ()> {
        // Scopes close in the reverse of their order; all are popped before anything is awaited.
        let mut popped = Vec::new();
        for scope in open.into_iter().rev() {
            popped.push(scope.pop());
        }
        Box::pin(async move {
            for error in popped {
                if let Some(error) = error.await {
                    return Err(device_error("the device refused", &error.to_string()));
                }
            }
            match self.lost() {
                Some(reason) => Err(device_error("the device was lost", &reason)),
                None => Ok(()),
            }
        })
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        self.device.destroy();
    }
}

/// The error of a device that cannot go on.
pub(crate) fn device_error(what: &str, detail: &str) -> Error {
    Error::Device(format!("WebGPU: {what} ({detail}). Use device: 'wasm', or try again."))
}
